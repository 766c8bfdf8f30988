// Calls the REST API with the login of this browser.
const BASE = new URL("../api/v1/", document.baseURI);

export async function call(method, path, body) {
  const headers = { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) };
  const options = { method, headers: method === "GET" ? {} : headers };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(new URL(path, BASE), options);
  if (answer.status === 401) throw new Error("Your login has ended: log in to Airflow again.");
  const told = await answer.json();
  if (!answer.ok) {
    throw Object.assign(new Error(told.detail ?? answer.statusText), { status: answer.status });
  }
  return told;
}

export const get = (path) => call("GET", path);

// A path below /vms; a name from a cloud may hold anything.
export const vmPath = (vm, action = "") =>
  `vms/${encodeURIComponent(vm.cloud)}/${encodeURIComponent(vm.name)}${action && `/${action}`}`;
