// What the backend answers.
export default function answer({ version, environment }) {
  return `backend ${version} in ${environment}`;
}
