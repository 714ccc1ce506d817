use servers::{Redis, RedisSentinel};

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
    // On a busy machine the sentinels may choose more than once, which is their right. So whoever
    // is master is asked, and what is written must be on two nodes before it counts.
    let others = || all.master().ok().filter(|node| node.port() != first.port());
    let value = |node: &Redis| node.cli(&["GET", "key"]).ok();
    wait_for("failover", || others().and_then(value).filter(|value| value == "value\n"));
    wait_for("write", || {
        let master = others()?;
        master.cli(&["SET", "key", "other"]).ok()?;
        master.cli(&["WAIT", "1", "1000"]).ok().filter(|copies| copies == "1\n")
    });
    first.restart().unwrap();
    all.wait_until_healthy().unwrap();
    wait_for("copy", || value(first).filter(|value| value == "other\n"));
    wait_for("master", || all.master().ok().and_then(value).filter(|value| value == "other\n"));
}
