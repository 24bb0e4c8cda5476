//! How many requests it takes, counted by a real S3 server.

use std::fs;

use orlop_test_servers::S3Server;

use crate::bench::Bench;
use crate::mounted::Mounted;

const BUCKET: &str = "orlop-mount";

pub(crate) fn the_first_byte_takes_a_handful() {
    let server = S3Server::start().unwrap();
    let bench = Bench::new();
    for n in 0..100_000 {
        let folder = bench.source().join(format!("folder {:04}", n / 1000));
        if n % 1000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::File::create(folder.join(format!("a file of many, number {n:07}"))).unwrap();
    }
    let deep = "folder 0042/2/3/4/5";
    fs::create_dir_all(bench.source().join(deep)).unwrap();
    let content = crate::bench::noise(1 << 20, 1);
    fs::write(bench.source().join(deep).join("one"), &content).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    server.fill_bucket(BUCKET, &bench.repository()).unwrap();

    let url = format!("s3://{BUCKET}");
    let key = bench.key();
    let cache = bench.path("cache");
    let mut arguments = vec!["latest".into(), "--repo".into(), url.into()];
    arguments.extend(["--key-file".into(), key.into_os_string()]);
    arguments.extend(["--cache-dir".into(), cache.into_os_string()]);
    let settings = server.settings();
    let mounted = Mounted::with_settings(&bench, arguments, &settings);
    let mounting = server.requests().unwrap().len();
    let read = fs::read(mounted.path(deep).join("one")).unwrap();
    assert!(read == content);
    let requests = server.requests().unwrap().split_off(mounting);
    println!(
        "mounting: {mounting} requests; one file of 1 MiB out of 100,000, six folders down: {}",
        requests.len()
    );
    assert!(requests.len() <= 10, "{requests:#?}");
    assert_eq!(mounted.unmount().code, Some(0));
}
