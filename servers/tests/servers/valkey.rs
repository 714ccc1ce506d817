use servers::Redis;

use crate::is_gone;

#[test]
fn it_is_one_that_compares_and_swaps() {
    let server = Redis::options().valkey().password("p@ss").durable().start().unwrap();
    assert!(server.cli(&["INFO", "server"]).unwrap().contains("server_name:valkey"));
    server.cli(&["SET", "key", "one"]).unwrap();
    assert_eq!(server.cli(&["SET", "key", "two", "IFEQ", "one"]).unwrap(), "OK\n");

    let pid = server.pid().unwrap();
    server.kill().unwrap();
    assert!(is_gone(pid));
    server.restart().unwrap();
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "two\n");
}
