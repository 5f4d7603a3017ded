//! Several processes on one release: nobody stops at what it knew in the beginning.

use std::process::Stdio;

use crate::world::World;

/// Two tasks that wait for a line in a pipe each, then one for both; and one for an approval.
const TWO: &str = r#"-- a.ocu.star --
def one():
    return done(outputs={"said": shell("echo > one.up; cat one", mute=True).stdout.strip()})
def two():
    return done(outputs={"said": shell("echo > two.up; cat two", mute=True).stdout.strip()})
def both(a, b, ok):
    return done(outputs={"all": a + b + ok})
phase("first", tasks=[task(one, "one"), task(two, "two")])
phase("then", tasks=[task(both, "both", inputs={
    "a": ref("./task/one#output/said"),
    "b": ref("./task/two#output/said"),
    "ok": ref("@/custom/ok"),
})])
"#;

fn pipes(world: &World, names: &[&str]) {
    for name in names {
        let made = std::process::Command::new("mkfifo").arg(world.root().join(name)).status().unwrap();
        assert!(made.success());
    }
}

#[test]
fn what_others_write_meanwhile_is_seen() {
    let world = World::new(TWO);
    pipes(&world, &["one", "two", "one.up", "two.up"]);
    let start = |arguments: &[&str]| {
        world.command("", arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Reading a pipe waits until the other side is there, so each step is known to have been taken.
    let wait = |name: &str| std::fs::read_to_string(world.root().join(name)).unwrap();
    let say = |name: &str, text: &str| std::fs::write(world.root().join(name), text).unwrap();
    let first = start(&["release", "new", "-j1"]);
    wait("one.up");
    let second = start(&["release", "continue", "-j1"]);
    wait("two.up");
    // Both know the release as it was; now an approval comes, and one ends after the other.
    world.ok("state set @/custom/ok !");
    world.ok("state apply @/custom/ok");
    say("one", "1\n");
    let first = world.tidy(&first.wait_with_output().unwrap());
    assert!(first.stderr.contains("waits for"), "{}", first.text());
    say("two", "2\n");
    let second = world.tidy(&second.wait_with_output().unwrap());
    assert!(second.stdout.contains("complete"), "{}", second.text());
    assert_eq!(world.ok("state get ./@/task/both#output/all").stdout, "\"12!\"\n");
}

#[test]
fn an_environment_without_attributes_has_none() {
    let world = World::new(
        "-- a.ocu.star --\ndef up(environment):\n    return done(outputs={\"n\": len(environment[\"attributes\"])})\ndef down(environment):\n    pass\nphase(\"all\", tasks=[deploy(e, up=up, down=down) for e in environments()])\n",
    );
    world.run(&["state", "set", "@/environment/prod", r#"{"name":"prod"}"#, "-f=json"]);
    world.ok("state apply @/environment/prod");
    world.ok("release new");
    assert_eq!(world.ok("state get ./@/deploy/prod#output/n").stdout, "0\n");
    assert_eq!(world.ok("work continue -d").stdout, "[]\n", "and that is no change");
}

#[test]
fn a_failed_redeployment_waits_for_a_retry_whatever_it_says_of_itself() {
    let world = World::new(
        "-- env.ocu.star --\nregister_environment(environment(\"prod\"))\n-- a.ocu.star --\ndef up(environment, v, me):\n    if v == \"bad\":\n        fail(\"bad\")\n    return done(outputs={\"o\": v})\ndef down(environment, v, me):\n    pass\nphase(\"all\", tasks=[deploy(e, up=up, down=down, inputs={\"v\": ref(\"@/custom/v\"), \"me\": input(ref=\"./@/deploy/prod#output/o\", default=\"\")}) for e in environments()])\n",
    );
    world.ok("release new env.ocu.star");
    world.ok("state set @/custom/v good");
    world.ok("state apply @/custom/v");
    world.ok("release new a.ocu.star");
    world.ok("state set @/custom/v bad");
    assert_eq!(world.run(&["work", "any"]).code, 1);
    assert_eq!(world.ok("work continue -d").stdout, "[]\n");
    assert_eq!(world.run(&["work", "any"]).code, 0);
}

#[test]
fn inside_its_store_a_repo_is_found() {
    let world = World::new("-- a.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n");
    world.ok("release new");
    let run = world.run_in(".store/state", &["state", "match", "**/status/*"]);
    assert_eq!(run.stdout, "shop/-/a.ocu.star/@r1/task/f/1/status/complete\n", "{}", run.text());
}
