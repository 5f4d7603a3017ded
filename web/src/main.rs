//! Puts the app into the page's frame.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys::HtmlElement;

fn main() {
    console_error_panic_hook::set_once();
    let app = document().get_element_by_id("app").and_then(|element| element.dyn_into::<HtmlElement>().ok());
    // The frame is ours (index.html); without it there is nowhere to show anything.
    if let Some(app) = app {
        app.replace_children_with_node_0();
        mount_to(app, ocuroot_web::App).forget();
    }
}
