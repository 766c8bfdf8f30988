// Calls the REST API with the login of this browser.
const BASE = new URL("../api/v1/", document.baseURI);

// What the API has refused, and why.
export class Problem extends Error {
  /**
   * @param {string} detail
   * @param {number} status
   */
  constructor(detail, status) {
    super(detail);
    this.status = status;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
export async function call(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) };
  /** @type {RequestInit} */
  const options = { method, headers: method === "GET" ? {} : headers };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(new URL(path, BASE), options);
  if (answer.status === 401) throw new Error("Your login has ended: log in to Airflow again.");
  const told = await answer.json();
  if (!answer.ok) {
    throw new Problem(told.detail ?? answer.statusText, answer.status);
  }
  return told;
}

/** @type {(path: string) => Promise<any>} */
export const get = (path) => call("GET", path);

/**
 * A path below /vms; a name from a cloud may hold anything.
 * @type {(vm: { cloud: string, name: string }, action?: string) => string}
 */
export const vmPath = (vm, action = "") =>
  `vms/${encodeURIComponent(vm.cloud)}/${encodeURIComponent(vm.name)}${action && `/${action}`}`;
