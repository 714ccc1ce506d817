use servers::RedisSentinel;

use crate::wait_for;

#[test]
fn another_becomes_master_when_it_is_killed() {
    let all = RedisSentinel::start().unwrap();
    assert_eq!((all.urls().len(), all.nodes().len()), (3, 3));
    let first = all.master().unwrap();
    assert_eq!(first.port(), all.nodes()[0].port());
    first.cli(&["SET", "key", "value"]).unwrap();
    first.cli(&["WAIT", "2", "1000"]).unwrap();

    first.kill().unwrap();
    let second =
        wait_for("failover", || all.master().ok().filter(|node| node.port() != first.port()));
    assert_eq!(second.cli(&["GET", "key"]).unwrap(), "value\n");
    wait_for("write", || second.cli(&["SET", "key", "other"]).ok());
    first.restart().unwrap();
    all.wait_until_healthy().unwrap();
    assert_eq!(all.master().unwrap().port(), second.port());
    wait_for("copy", || first.cli(&["GET", "key"]).ok().filter(|value| value == "other\n"));
}
