// Starts the app, and asks for what it takes first while its module is on its way: the list of stores, and
// for a store that is not on GitHub the modules that know its host.

// The app takes it from here.
const list = (globalThis.ocurootStores = fetch('./stores.json'));
// What loads modules takes them from here, by their addresses.
const early = (globalThis.ocurootEarly = new Map());
// Whoever takes it is told.
const quiet = (answer) => (answer.catch(() => {}), answer);
quiet(list);

const asked = new URLSearchParams(location.search);
const isElsewhere = ({ source, intent_source }) =>
  [source, intent_source].some((source) => source && !source.startsWith('github:'));

async function listed() {
  const { stores } = await (await list).clone().json();
  const title = ({ name, source }) => name || source.replace(/^[^:]*:/, '');
  return stores.find((store) => title(store) === asked.get('store')) ?? stores[0];
}

async function hurry() {
  const store = asked.has('source') ? Object.fromEntries(asked) : await listed();
  if (!isElsewhere(store)) return;
  for (const name of HOSTS) {
    const { href } = new URL(name, import.meta.url);
    // The app may have been sooner.
    if (!early.has(href)) early.set(href, quiet(fetch(href)));
  }
}

// No list, or none that reads, is for the app to tell.
hurry().catch(() => {});

// Without the app one is told why, in place of what the frame says. It is imported like this because what
// stands above would wait for it else.
import('./app.js').then(({ default: init }) => init()).catch((error) => {
  const starting = document.getElementById('starting');
  if (starting) {
    starting.textContent = `The dashboard could not be started: ${error.message}. Reload the page, or try a newer browser.`;
  }
  throw error;
});
