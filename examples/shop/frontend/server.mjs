// What the frontend answers: itself, and what the backend of its environment says.
export default async function answer({ version, environment, settings }) {
  const backend = await fetch(settings.BACKEND);
  return `frontend ${version} in ${environment}, served by ${(await backend.text()).trim()}`;
}
