//! Puts the app into the page's frame.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys::HtmlElement;

fn main() {
    console_error_panic_hook::set_once();
    let main =
        document().get_element_by_id("main").and_then(|element| element.dyn_into::<HtmlElement>().ok());
    // The frame is ours (index.html); without it there is nowhere to show anything.
    if let Some(main) = main {
        main.replace_children_with_node_0();
        let _ = main.remove_attribute("aria-busy");
        mount_to(main, ocuroot_web::App).forget();
    }
}
