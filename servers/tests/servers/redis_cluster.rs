use servers::RedisCluster;

use crate::wait_for;

#[test]
fn it_survives_a_master_that_is_killed_or_paused() {
    let cluster = RedisCluster::start().unwrap();
    assert_eq!(cluster.urls().len(), 6);
    let get = |node: &servers::Redis| node.cli(&["-c", "GET", "key"]);
    let first = cluster.master_for("key").unwrap();
    first.cli(&["SET", "key", "value"]).unwrap();
    // `WAIT` on another connection than the write's would wait for nothing.
    let has_it = |node: &&servers::Redis| node.cli(&["DBSIZE"]).is_ok_and(|size| size == "1\n");
    wait_for("copy", || (cluster.nodes().iter().filter(has_it).count() == 2).then_some(()));

    first.kill().unwrap();
    let second = wait_for("failover", || {
        cluster.master_for("key").ok().filter(|master| master.port() != first.port())
    });
    wait_for("value", || get(second).ok().filter(|value| value == "value\n"));
    first.restart().unwrap();
    cluster.wait_until_healthy().unwrap();

    second.pause().unwrap();
    // The view of a paused one is not asked for: it cannot answer.
    let third = wait_for("failover", || {
        cluster.master_for("key").ok().filter(|master| master.port() != second.port())
    });
    assert_eq!(third.port(), first.port(), "its only replica");
    wait_for("value", || get(third).ok().filter(|value| value == "value\n"));
    second.resume().unwrap();
    cluster.wait_until_healthy().unwrap();
}
