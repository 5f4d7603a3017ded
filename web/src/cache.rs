//! What is kept on this device of what was read: IndexedDB.
//!
//! Folders and files are kept by git's id, so they are never out of date and serve every repo that has
//! them; of each branch is kept what it was like. Without a crate: all it takes is to open a database, and
//! to get and put some values in one transaction.
//!
//! Where the browser keeps nothing (a private window, a full disk, a setting) everything here does
//! nothing: then the page reads from the host each time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::prelude::window;
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use leptos::web_sys;
use ocuroot_core::order::Order as _;
use ocuroot_core::reading::{Keep, Recall, Recalled};
use wasm_bindgen_futures::JsFuture;

/// The name of the database. Another layout gets another name.
const NAME: &str = "ocuroot-1";
/// What lies in it: of branches, folders, files.
const STORES: [&str; 3] = ["branches", "trees", "blobs"];
/// An index of when something was put there and how large it is: what it says, no value need be read for.
const AGE: &str = "age";
/// The most that is kept, in bytes; then the oldest go until there is room again.
const MOST: f64 = 100e6;
/// The most that one value may have.
const LARGEST: usize = 10_000_000;
/// A browser that has not opened the database in so many milliseconds is not waited for.
const PATIENCE: u32 = 1500;

/// The cache of this device; a handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache(Rc<Opened>);

#[derive(Debug, Default)]
struct Opened {
    database: RefCell<Option<web_sys::IdbDatabase>>,
    tried: Cell<bool>,
    /// How much was put there since somebody looked how much there is.
    put: Cell<f64>,
}

impl Cache {
    async fn database(&self) -> Option<web_sys::IdbDatabase> {
        if !self.0.tried.replace(true) {
            let opened = open().await;
            *self.0.database.borrow_mut() = opened;
        }
        self.0.database.borrow().clone()
    }

    /// What there is of that.
    pub(crate) async fn recall(&self, recall: &Recall) -> Recalled {
        self.try_recall(recall).await.unwrap_or_default()
    }

    async fn try_recall(&self, recall: &Recall) -> Option<Recalled> {
        let database = self.database().await?;
        let names: js_sys::Array = STORES.iter().map(|name| JsValue::from_str(name)).collect();
        let transaction = database.transaction_with_str_sequence(&names).ok()?;
        let mut found = Recalled::default();
        let keys = [&recall.branches, &recall.trees, &recall.blobs];
        let mut requests = Vec::new();
        for (store, keys) in STORES.iter().zip(keys) {
            let store = transaction.object_store(store).ok()?;
            let mut asked = Vec::new();
            for key in keys {
                asked.push((key.clone(), store.get(&JsValue::from_str(key)).ok()?));
            }
            requests.push(asked);
        }
        done(&transaction).await?;
        for (asked, found) in
            requests.into_iter().zip([&mut found.branches, &mut found.trees, &mut found.blobs])
        {
            for (key, request) in asked {
                let value = request.result().ok()?;
                let bytes = js_sys::Reflect::get(&value, &JsValue::from_str("bytes")).ok();
                if let Some(bytes) = bytes.and_then(|bytes| bytes.dyn_into::<js_sys::Uint8Array>().ok()) {
                    found.push((key, bytes.to_vec()));
                }
            }
        }
        Some(found)
    }

    /// Keeps that.
    pub(crate) async fn keep(&self, keeps: Vec<Keep>) {
        if keeps.is_empty() {
            return;
        }
        let Some(size) = self.try_keep(keeps).await else { return };
        self.0.put.set(self.0.put.get() + size);
        // Also once for each visit, in case the one before did not get to it.
        if self.0.put.get() > MOST / 10.0 {
            self.0.put.set(0.0);
            self.make_room().await;
        }
    }

    async fn try_keep(&self, keeps: Vec<Keep>) -> Option<f64> {
        let database = self.database().await?;
        let names: js_sys::Array = STORES.iter().map(|name| JsValue::from_str(name)).collect();
        let mode = web_sys::IdbTransactionMode::Readwrite;
        let transaction = database.transaction_with_str_sequence_and_mode(&names, mode).ok()?;
        let mut size = 0;
        for keep in keeps {
            let (store, key, bytes) = match keep {
                Keep::Branch { key, bytes } => ("branches", key, bytes),
                Keep::Tree { id, bytes } => ("trees", id, bytes),
                Keep::Blob { id, bytes } => ("blobs", id, bytes),
            };
            if bytes.len() > LARGEST {
                continue;
            }
            size += bytes.len() + key.len();
            let value = js_sys::Object::new();
            let set = |name: &str, to: &JsValue| js_sys::Reflect::set(&value, &JsValue::from_str(name), to);
            set("bytes", &js_sys::Uint8Array::from(bytes.as_slice())).ok()?;
            set("when", &js_sys::Date::now().into()).ok()?;
            set("size", &js_sys::Number::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).into()).ok()?;
            let store = transaction.object_store(store).ok()?;
            store.put_with_key(&value, &JsValue::from_str(&key)).ok()?;
        }
        done(&transaction).await?;
        #[expect(clippy::cast_precision_loss, reason = "an amount for a limit")]
        Some(size as f64)
    }

    /// Deletes the oldest, where there is too much.
    async fn make_room(&self) {
        let Some(database) = self.database().await else { return };
        let mut all: Vec<(f64, f64, &str, JsValue)> = Vec::new();
        for name in STORES {
            if sizes(&database, name, &mut all).await.is_none() {
                return;
            }
        }
        let mut size: f64 = all.iter().map(|(_, size, ..)| size).sum();
        if size <= MOST {
            return;
        }
        all.order_by(|a, b| a.0.total_cmp(&b.0));
        let names: js_sys::Array = STORES.iter().map(|name| JsValue::from_str(name)).collect();
        let mode = web_sys::IdbTransactionMode::Readwrite;
        let Ok(transaction) = database.transaction_with_str_sequence_and_mode(&names, mode) else { return };
        for (_, bytes, store, key) in all {
            if size <= MOST * 0.75 {
                break;
            }
            size -= bytes;
            if let Ok(store) = transaction.object_store(store) {
                let _ = store.delete(&key);
            }
        }
        let _ = done(&transaction).await;
    }
}

/// Deletes everything that this device keeps of what was read: for those who sign out.
pub fn forget_everything() {
    if let Ok(Some(factory)) = window().indexed_db() {
        let _ = factory.delete_database(NAME);
    }
}

/// When everything in a store was put there, and how large it is.
async fn sizes(
    database: &web_sys::IdbDatabase,
    name: &'static str,
    all: &mut Vec<(f64, f64, &'static str, JsValue)>,
) -> Option<()> {
    let transaction = database.transaction_with_str(name).ok()?;
    let found = Rc::new(RefCell::new(Vec::new()));
    let request = transaction.object_store(name).ok()?.index(AGE).ok()?.open_key_cursor().ok()?;
    let next = {
        let (found, request) = (Rc::clone(&found), request.clone());
        Closure::<dyn Fn()>::new(move || {
            let cursor = request.result().ok().and_then(|r| r.dyn_into::<web_sys::IdbCursor>().ok());
            let Some(cursor) = cursor else { return };
            let (Ok(age), Ok(key)) = (cursor.key(), cursor.primary_key()) else { return };
            let age = js_sys::Array::from(&age);
            let number = |at| age.get(at).as_f64().unwrap_or_default();
            found.borrow_mut().push((number(0), number(1), name, key));
            let _ = cursor.continue_();
        })
    };
    request.set_onsuccess(Some(next.as_ref().unchecked_ref()));
    done(&transaction).await?;
    all.append(&mut found.borrow_mut());
    Some(())
}

/// Opens the database, or makes it.
async fn open() -> Option<web_sys::IdbDatabase> {
    let factory = window().indexed_db().ok()??;
    let request = factory.open_with_u32(NAME, 1).ok()?;
    let make = {
        let request = request.clone();
        Closure::<dyn Fn()>::new(move || {
            let database = request.result().ok().and_then(|r| r.dyn_into::<web_sys::IdbDatabase>().ok());
            let parts: js_sys::Array = ["when", "size"].iter().map(|part| JsValue::from_str(part)).collect();
            for store in STORES {
                let made = database.as_ref().and_then(|database| database.create_object_store(store).ok());
                let _ = made.map(|made| made.create_index_with_str_sequence(AGE, &parts));
            }
        })
    };
    request.set_onupgradeneeded(Some(make.as_ref().unchecked_ref()));
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
        request.set_onblocked(Some(&reject));
        let patience = i32::try_from(PATIENCE).unwrap_or(i32::MAX);
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&reject, patience);
    });
    JsFuture::from(promise).await.ok()?;
    let database: web_sys::IdbDatabase = request.result().ok()?.dyn_into().ok()?;
    // Whoever deletes it, in another tab, need not wait for us.
    let closing = database.clone();
    let close = Closure::once_into_js(move || closing.close());
    database.set_onversionchange(Some(close.unchecked_ref()));
    Some(database)
}

/// Waits until a transaction is over.
async fn done(transaction: &web_sys::IdbTransaction) -> Option<()> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onerror(Some(&reject));
        transaction.set_onabort(Some(&reject));
    });
    JsFuture::from(promise).await.ok().map(|_| ())
}
