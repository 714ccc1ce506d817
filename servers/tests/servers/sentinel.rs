use servers::{Redis, RedisSentinel};

use crate::wait_for;

#[test]
fn another_becomes_master_when_it_is_killed() {
    let all = RedisSentinel::start().unwrap();
    assert_eq!((all.urls().len(), all.nodes().len()), (3, 3));
    let first = all.master().unwrap();
    assert_eq!(first.port(), all.nodes()[0].port());
    first.cli(&["SET", "key", "value"]).unwrap();
    let value = |node: &Redis| node.cli(&["GET", "key"]).ok();
    // `WAIT` on another connection than the write's would wait for nothing.
    let copies = |text: &str| {
        let running = all.nodes().iter().filter(|node| node.is_running());
        running.filter(|node| value(node).is_some_and(|value| value == text)).count()
    };
    wait_for("copy", || (copies("value\n") == 3).then_some(()));

    first.kill().unwrap();
    // On a busy machine the sentinels may choose more than once, which is their right. So whoever
    // is master is asked, and what is written must be on two nodes before it counts.
    let others = || all.master().ok().filter(|node| node.port() != first.port());
    wait_for("failover", || others().and_then(value).filter(|value| value == "value\n"));
    wait_for("write", || {
        others()?.cli(&["SET", "key", "other"]).ok()?;
        (copies("other\n") == 2).then_some(())
    });
    first.restart().unwrap();
    all.wait_until_healthy().unwrap();
    wait_for("copy", || value(first).filter(|value| value == "other\n"));
    wait_for("master", || all.master().ok().and_then(value).filter(|value| value == "other\n"));
}
