//! How often a command writes: in a git store each transaction is a push.

use crate::world::World;

const SHOP: &str = r#"-- env.ocu.star --
for name in ["dev", "qa", "prod"]:
    register_environment(environment(name))
-- a.ocu.star --
def build():
    return done(outputs={"image": "img"})
def up(environment, image, size):
    pass
def down(environment, image, size):
    pass
task(build, "build")
phase("deploy", tasks=[
    deploy(e, up=up, down=down, inputs={
        "image": ref("./task/build#output/image"),
        "size": input(ref="@/custom/size", default=1),
    })
    for e in environments()
])
"#;

/// How many transactions a command line, which has to succeed, takes.
#[track_caller]
fn transactions(world: &World, line: &str) -> usize {
    let folder = world.home().join("logs");
    // Of one command only.
    let _ = std::fs::remove_dir_all(&folder);
    world.ok(line);
    let logs = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs: String = logs.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    logs.matches("wrote to the store").count()
}

#[test]
fn what_is_known_at_one_moment_is_one_transaction() {
    let world = World::new(SHOP);
    assert_eq!(transactions(&world, "release new env.ocu.star"), 1);
    assert_eq!(world.ok("state diff").stdout, "");
    // One that makes the release and claims the task; one for the end of each phase.
    assert_eq!(transactions(&world, "release new a.ocu.star --jobs 3"), 3);

    world.ok("state set @/custom/size 2");
    world.ok("state set @/custom/a 1");
    world.ok("state set @/custom/b 2");
    // Intent is applied; three deployments are queued and claimed; they end.
    assert_eq!(transactions(&world, "work any --jobs 3"), 3);
    assert_eq!(world.ok("state diff").stdout, "");
    assert_eq!(world.ok("state match **/deploy/*/2/status/complete").stdout.lines().count(), 3);

    for package in ["b", "c"] {
        world.write(&format!("{package}.ocu.star"), &world.read("a.ocu.star"));
        world.ok(&format!("release new {package}.ocu.star"));
    }
    world.run(&["state", "set", "@/environment/new", r#"{"name":"new"}"#, "-f=json"]);
    world.ok("state apply @/environment/new");
    // The operations of three releases.
    assert_eq!(transactions(&world, "work ops"), 1);
}

#[test]
fn one_difference_that_cannot_be_applied_keeps_no_other_back() {
    let world = World::new(SHOP);
    world.ok("release new env.ocu.star");
    world.ok("state set @/custom/good 1");
    world.run(&[
        "state",
        "set",
        "./-/a.ocu.star/@/deploy/prod",
        r#"{"release":"shop/-/a.ocu.star/@r9"}"#,
        "-f=json",
    ]);
    let run = world.run(&["work", "any"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("there is no release shop/-/a.ocu.star/@r9"), "{}", run.text());
    assert_eq!(world.ok("state get @/custom/good").stdout, "\"1\"\n");
}
