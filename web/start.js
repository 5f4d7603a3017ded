// Starts the app, and asks for what it takes first while its module is on its way: the list of stores, and
// for a store that is not on GitHub the modules that know its host.
import init from './app.js';
import { hurry } from "./__wasm_split.js";

// The app takes it from here.
const list = (globalThis.ocurootStores = fetch('./stores.json'));
list.catch(() => {});

const asked = new URLSearchParams(location.search);
const elsewhere = ({ source, intent_source }) =>
  [source, intent_source].some((source) => source && !source.startsWith('github:'));

async function stores() {
  const { stores } = await (await list).clone().json();
  return stores.find(({ name }) => name === asked.get('store')) ?? stores[0];
}

async function begin() {
  const store = asked.has('source') ? Object.fromEntries(asked) : await stores();
  if (elsewhere(store)) hurry(HOSTS);
}

// No list, or none that reads, is for the app to tell.
begin().catch(() => {});

// Without the app one is told why, in place of what the frame says.
init().catch((error) => {
  const starting = document.getElementById('starting');
  if (starting) {
    starting.textContent = `The dashboard could not be started: ${error.message}. Reload the page, or try a newer browser.`;
  }
  throw error;
});
