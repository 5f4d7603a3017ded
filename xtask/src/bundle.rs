//! Builds the dashboard: a folder of static files for any host, or for the tool to embed.
//!
//! Cargo compiles one wasm module, and these make a page of it:
//!
//! * wasm-split cuts it at the functions marked `#[wasm_split]`: what only they need is a module of its own,
//!   loaded when it is asked for. With it comes a script that loads it.
//! * wasm-bindgen joins the main module to JavaScript, and wasm-opt makes each module small.
//! * The style sheets become one: fewer to ask for, and smaller together than each by itself.
//! * Names tell one build from the next, so that browsers may keep every file but the page itself.
//! * The policy of the page forbids all scripts but its own files. It allows requests to the public hosts;
//!   `ocuroot state view --export` writes one for the hosts of a team's own `stores.json`.
//!
//! All addresses are relative, and what a page shows is in the query of its address, so the folder works
//! from any path of any host that serves files.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::project::{self, Failure, Outcome, Project};
use crate::setup::{self, WASM_OPT};

/// How the dashboard is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Nothing but the page's own files, and requests only to where it came from and to the public hosts.
/// `frame-ancestors` means nothing in a page: whoever wants it sends it as a header.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self'; connect-src 'self' https://api.github.com \
                      https://raw.githubusercontent.com https://gitlab.com; base-uri 'none'; form-action 'none'";

/// Which stores a page offers, to be copied to `stores.json` and changed. A page without that file takes
/// its store from the address.
const SAMPLE: &str = r#"{
  "stores": [
    {
      "name": "acme/shop",
      "source": "github:acme/shop",
      "state": "ocuroot/state",
      "intent": "ocuroot/intent"
    }
  ]
}
"#;

/// What rustc lets wasm use by itself, as wasm-opt calls it.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// What wasm-split calls its script.
const LOADER: &str = "__wasm_split.js";

/// What starts the app. `HOSTS` stands for the names of the modules that know hosts.
const START: &str = include_str!("../../web/start.js");

/// How wasm-split's script starts a module, and how it does so where the host has no type for wasm.
const STREAMING: [&str; 2] = [
    "WebAssembly.instantiateStreaming(src, imports)",
    "src.then(async (answer) => answer.headers.get('content-type') === 'application/wasm' \
     ? WebAssembly.instantiateStreaming(answer, imports) \
     : WebAssembly.instantiate(await answer.arrayBuffer(), imports))",
];

/// How wasm-split's script asks for a module, and how it does so where that was asked for before.
const ASKING: [&str; 2] = ["fetch(new URL(", "ask(new URL("];

/// Takes what [`START`] has asked for, once.
const ASK: &str = "
function ask({ href }) {
    const answer = globalThis.ocurootEarly.get(href) ?? fetch(href);
    globalThis.ocurootEarly.set(href, undefined);
    return answer;
}
";

/// Prints how large the files are, and how large they travel.
const SIZES: &str = "const fs = require('fs'), zlib = require('zlib');\
let all = [0, 0];\
for (const name of fs.readdirSync('.').sort()) {\
  const bytes = fs.readFileSync(name);\
  const small = zlib.brotliCompressSync(bytes, {params: {[zlib.constants.BROTLI_PARAM_QUALITY]: 11}}).length;\
  all = [all[0] + bytes.length, all[1] + small];\
  const kb = (n) => (n / 1000).toFixed(1).padStart(9) + ' KB';\
  console.log(kb(bytes.length) + kb(small) + ' brotli  ' + name);\
}\
console.log('together: ' + (all[0] / 1000).toFixed(1) + ' KB, ' + (all[1] / 1000).toFixed(1) + ' KB brotli');";

/// Builds the dashboard and returns its folder.
///
/// # Errors
///
/// When it does not compile, or what the tools make of it is not as expected.
pub(crate) fn run(project: &Project, profile: Profile) -> Outcome<PathBuf> {
    setup::run(project, setup::For::Bundle)?;
    let is_small = profile == Profile::Release && project.which(&["npm"]).is_some();
    let wasm = compile(project, profile)?;
    let scratch = project.target().join("bundle-parts");
    empty(&scratch)?;
    let mut code = parts(project, &wasm, &scratch)?;
    if is_small {
        for part in code.iter_mut().filter(|part| part.name.ends_with(".wasm")) {
            part.content = shrunk(project, &scratch, part)?;
        }
    }
    let web = project.root().join("web");
    let page = project::read(&web.join("index.html"))?;
    let (page, sheets) = without_styles(&page);
    let mut style = String::new();
    for sheet in sheets {
        style += &plain_style(&project::read(&web.join(sheet))?);
    }
    let icon = bytes(&web.join("icon.svg"))?;
    let files = named(code, style, icon, &page).ok_or_else(|| {
        Failure::new(
            "the parts of the dashboard do not name each other as this chore expects",
            "has the output of wasm-split or wasm-bindgen changed? See xtask/src/bundle.rs",
        )
    })?;
    let bundle = project.target().join("bundle");
    empty(&bundle)?;
    for file in files {
        let path = bundle.join(&file.name);
        std::fs::write(&path, &file.content).map_err(|e| project::file("write", &path, &e))?;
    }
    project::write(&bundle.join("stores.json"), &project::read(&web.join("stores.json"))?)?;
    project::write(&bundle.join("stores.sample.json"), SAMPLE)?;
    if is_small {
        project::run(project.command("node").args(["-e", SIZES]).current_dir(&bundle))?;
    } else if profile == Profile::Release {
        println!("There is no npm to get wasm-opt from, so the dashboard is larger than it could be.");
    }
    println!("The dashboard is in {}", bundle.display());
    Ok(bundle)
}

/// A file of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// As the others name it.
    name: String,
    content: Vec<u8>,
}

impl Part {
    fn new(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), content: content.into() }
    }
}

fn compile(project: &Project, profile: Profile) -> Outcome<PathBuf> {
    let target = "wasm32-unknown-unknown";
    let mut cargo = project.cargo("build --locked --offline --package ocuroot-web");
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            cargo.args(["--profile", "web"]);
            "web"
        }
    };
    project::run(cargo.args(["--target", target]))?;
    Ok(project.target().join(target).join(folder).join("ocuroot-web.wasm"))
}

/// The scripts and modules that come of what was compiled.
fn parts(project: &Project, wasm: &Path, scratch: &Path) -> Outcome<Vec<Part>> {
    let split = scratch.join("split");
    project::run(
        project.command(setup::wasm_split(project)).arg(wasm).arg(&split).args(["--out-name", "app"]),
    )?;
    let joined = scratch.join("joined");
    project::run(
        project
            .command("wasm-bindgen")
            // The other modules use what the main one exports.
            .args([
                "--target",
                "web",
                "--no-typescript",
                "--keep-lld-exports",
                "--out-name",
                "app",
                "--out-dir",
            ])
            .arg(&joined)
            .arg(split.join("app.wasm")),
    )?;
    let mut parts = Vec::new();
    for folder in [&joined, &split] {
        for name in names(folder)? {
            // What the main module was before it was joined.
            if (folder, name.as_str()) != (&split, "app.wasm") {
                parts.push(Part { content: bytes(&folder.join(&name))?, name });
            }
        }
    }
    Ok(parts)
}

/// A module, made small.
fn shrunk(project: &Project, scratch: &Path, part: &Part) -> Outcome<Vec<u8>> {
    let [large, named, small] = ["large.wasm", "named.wasm", "small.wasm"].map(|name| scratch.join(name));
    std::fs::write(&large, &part.content).map_err(|e| project::file("write", &large, &e))?;
    let wasm_opt = project.root().join(WASM_OPT).join("node_modules/binaryen/bin/wasm-opt");
    // By their names functions made of one for several types lie beside each other, and travel as 1 % less.
    // Rust keeps its stack at the lowest addresses, so what an address near zero would lead to is never read.
    let passes: [(&[&str], _, _); 2] = [
        (&["-Oz", "--low-memory-unused", "-g"], &large, &named),
        (&["--reorder-functions-by-name"], &named, &small),
    ];
    for (pass, from, to) in passes {
        let mut node = project.command("node");
        // It warns of each kind of names that it does not know, which is nothing to act upon.
        project::quietly(node.arg(&wasm_opt).args(pass).args(FEATURES).arg(from).arg("-o").arg(to))?;
    }
    bytes(&small)
}

/// The page and its files, each with a name that tells this build from others. The code goes by one such
/// name together, since its parts name each other. None when they do not.
fn named(code: Vec<Part>, style: String, icon: Vec<u8>, page: &str) -> Option<Vec<Part>> {
    let mut code = code;
    code.sort_by(|a, b| a.name.cmp(&b.name));
    let loader = code.iter().find(|part| part.name == LOADER)?;
    let hosts = modules(std::str::from_utf8(&loader.content).ok()?, "hosts")?;
    code.push(Part::new("start.js", START.replace("HOSTS", &format!("{hosts:?}"))));
    let parts = code.iter().flat_map(|part| [part.name.as_bytes(), &part.content]);
    let all: Vec<&[u8]> = parts.chain([ASK.as_bytes()]).collect();
    let build = hash(&all);
    let names: Vec<(String, String)> =
        code.iter().map(|part| (part.name.clone(), name_in_build(&part.name, &build))).collect();
    let mut files = Vec::new();
    for part in code {
        let mut content = part.content;
        if part.name.ends_with(".js") {
            let mut text = String::from_utf8(content).ok()?;
            if part.name == LOADER {
                for [theirs, ours] in [STREAMING, ASKING] {
                    if !text.contains(theirs) {
                        return None;
                    }
                    text = text.replace(theirs, ours);
                }
                text += ASK;
            }
            let mut others = 0;
            for (old, new) in &names {
                // By its own name the wasm calls the loader, and wants to find it so.
                let (before, after) = if old == LOADER { ("from \"./", "\"") } else { ("", "") };
                let old = format!("{before}{old}{after}");
                others += text.matches(&old).count();
                text = text.replace(&old, &format!("{before}{new}{after}"));
            }
            if others == 0 {
                return None;
            }
            content = text.into_bytes();
        }
        files.push(Part { name: name_in_build(&part.name, &build), content });
    }
    let name = |old: &str| names.iter().find(|(name, _)| name == old).map(|(_, new)| new);
    let style_name = format!("app-{}.css", hash(&[style.as_bytes()]));
    let icon_name = format!("icon-{}.svg", hash(&[&icon]));
    let head = format!(
        "<link rel=\"stylesheet\" href=\"./{style_name}\">
<link rel=\"modulepreload\" href=\"./{app}\">
<link rel=\"modulepreload\" href=\"./{loader}\">
<link rel=\"preload\" href=\"./{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>
<script type=\"module\" src=\"./{start}\"></script>
</head>",
        app = name("app.js")?,
        loader = name(LOADER)?,
        wasm = name("app_bg.wasm")?,
        start = name("start.js")?,
    );
    let policy = format!("<head>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    let page = page
        .replacen("./icon.svg", &format!("./{icon_name}"), 1)
        .replacen("<head>", &policy, 1)
        .replacen("</head>", &head, 1);
    files.extend([Part::new(&style_name, style), Part::new(&icon_name, icon), Part::new("index.html", page)]);
    Some(files)
}

/// The names of the modules that make up one of wasm-split's, as its script has them: itself, and those that
/// it shares with others.
fn modules(loader: &str, name: &str) -> Option<Vec<String>> {
    let (_, start) = loader.split_once(&format!("const __wasm_split_load_{name} "))?;
    let (start, rest) = start.split_once("\n, [")?;
    let (shared, _) = rest.split_once(']')?;
    let own = start.split('"').find(|text| text.ends_with(".wasm"))?;
    let shared = shared.split(", ").filter_map(|shared| shared.strip_prefix("__"));
    let names = std::iter::once(own.to_owned()).chain(shared.map(|shared| format!("./{shared}.wasm")));
    names.map(|name| loader.contains(&format!("\"{name}\"")).then_some(name)).collect()
}

/// `split_screens.wasm` of the build `1f` is `screens-1f.wasm`.
fn name_in_build(name: &str, build: &str) -> String {
    let name = if name == LOADER { "load.js" } else { name.strip_prefix("split_").unwrap_or(name) };
    let end = name.find("_bg.").or_else(|| name.rfind('.')).unwrap_or(name.len());
    let (stem, end) = name.split_at(end);
    format!("{stem}-{build}{end}")
}

/// Makes a folder, or makes it empty.
fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|e| project::file("remove", folder, &e))?;
    }
    std::fs::create_dir_all(folder).map_err(|e| project::file("write", folder, &e))
}

/// The names of the files in a folder, sorted.
fn names(folder: &Path) -> Outcome<Vec<String>> {
    let list = || -> std::io::Result<Vec<String>> {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    let mut names = list().map_err(|e| project::file("list", folder, &e))?;
    names.sort();
    Ok(names)
}

fn bytes(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|e| project::file("read", path, &e))
}

/// A page without its style sheets, and their names.
fn without_styles(page: &str) -> (String, Vec<&str>) {
    let (mut rest, mut kept, mut names) = (page, String::new(), Vec::new());
    while let Some((before, after)) = rest.split_once("<link rel=\"stylesheet\" href=\"./") {
        let (name, after) = after.split_once('"').unwrap_or((after, ""));
        let (_, after) = after.split_once('>').unwrap_or((after, ""));
        kept += before;
        names.push(name);
        rest = after;
    }
    (kept + rest, names)
}

/// A style sheet without its comments and indents.
fn plain_style(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += part.split_once("*/").map_or("", |(_, after)| after);
    }
    let lines = plain.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Tells one content from the next.
fn hash(contents: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_become_one() {
        let link = |name: &str| format!("<link rel=\"stylesheet\" href=\"./{name}\" integrity=\"x\"/>");
        let page = format!("<head>a{}b{}</head>", link("one.css"), link("two.css"));
        assert_eq!(without_styles(&page), ("<head>ab</head>".to_owned(), vec!["one.css", "two.css"]));
        assert_eq!(plain_style("/* a */\nb {\n  c: d\n}\n\n/* e\n*/ f{}\n"), "b {\nc: d\n}\nf{}\n");
    }

    /// What wasm-split and wasm-bindgen make, in short.
    fn code(wasm: &[u8]) -> Vec<Part> {
        let loader = "import { initSync } from \"./app.js\";
            const __chunk_4 = makeLoad(() => { fetch(new URL(\"./chunk_4.wasm\", import.meta.url)) }\n, []);
            const __wasm_split_load_hosts = makeLoad(() => { fetch(new URL(\"./split_hosts.wasm\", 1));
            WebAssembly.instantiateStreaming(src, imports) }\n, [__chunk_4]));";
        vec![
            Part::new(
                "app.js",
                "import * as one from \"./__wasm_split.js\"; 'app_bg.wasm'; {\"./__wasm_split.js\": one}",
            ),
            Part::new("app_bg.wasm", wasm),
            Part::new(LOADER, loader),
            Part::new("chunk_4.wasm", "s"),
            Part::new("split_hosts.wasm", "h"),
        ]
    }

    fn text(files: &[Part], start: &str, end: &str) -> (String, String) {
        let of = |part: &&Part| part.name.starts_with(start) && part.name.ends_with(end);
        let part = files.iter().find(of).unwrap();
        (part.name.clone(), String::from_utf8(part.content.clone()).unwrap())
    }

    #[test]
    fn files_name_each_other_by_their_build() {
        let page = "<head>\n<link href=\"./icon.svg\">\n</head>";
        let files = named(code(b"1"), "a{}".into(), b"i".to_vec(), page).unwrap();
        let (app, app_text) = text(&files, "app-", ".js");
        let (load, load_text) = text(&files, "load-", ".js");
        let (start, start_text) = text(&files, "start-", ".js");
        let (hosts, _) = text(&files, "hosts-", ".wasm");
        let (chunk, _) = text(&files, "chunk_4-", ".wasm");
        let (wasm, _) = text(&files, "app-", "_bg.wasm");
        assert_eq!(
            app_text,
            format!("import * as one from \"./{load}\"; '{wasm}'; {{\"./__wasm_split.js\": one}}")
        );
        assert!(load_text.contains(&format!("from \"./{app}\"")), "{load_text}");
        assert!(load_text.contains(&format!(" ask(new URL(\"./{hosts}\"")), "{load_text}");
        assert!(load_text.contains("'content-type'"), "{load_text}");
        assert!(start_text.contains(&format!("import('./{app}')")), "{start_text}");
        assert!(start_text.contains(&format!("of [\"./{hosts}\", \"./{chunk}\"])")), "{start_text}");
        let (_, page) = text(&files, "index", ".html");
        assert!(page.starts_with("<head>\n<meta http-equiv=\"Content-Security-Policy\""), "{page}");
        for name in [&app, &load, &start, &wasm] {
            assert!(page.contains(&format!("\"./{name}\"")), "{name} is not in {page}");
        }
        assert!(page.contains("href=\"./icon-") && page.contains("href=\"./app-"), "{page}");
        assert!(page.contains("connect-src 'self' https://api.github.com"));
    }

    #[test]
    fn another_module_is_another_build() {
        let app =
            |wasm: &[u8]| text(&named(code(wasm), String::new(), Vec::new(), "").unwrap(), "app-", ".js").0;
        assert_eq!(app(b"1"), app(b"1"));
        assert_ne!(app(b"1"), app(b"2"));
        let mut other = code(b"1");
        other.retain(|part| part.name != LOADER);
        assert_eq!(named(other, String::new(), Vec::new(), ""), None);
    }
}
