import type { Problem } from "./types";

/** An answer that is an error: what the API said, or that it could not be reached. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
  get away(): boolean {
    return this.problem.status === 503 || this.problem.status === 0;
  }
}

const UNREACHED: Problem = {
  title: "The console does not answer",
  status: 0,
  detail: "weir console does not answer: it may be restarting. It is asked again every few seconds.",
};

export type Parameters = Record<string, string | number | undefined>;

/** The address of an answer, relative to the page's base. */
export function address(path: string, parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `api/v1/${path}${text ? `?${text}` : ""}`;
}

export async function get<T>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path, parameters), signal ? { signal } : {});
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHED);
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  return (await response.json()) as T;
}

/** Changes something; only saved views can be. */
export async function send(method: "POST" | "DELETE", path: string, body?: unknown): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`api/v1/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }) });
  } catch {
    throw new ApiError(UNREACHED);
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { title: response.statusText, status: response.status, detail: `${response.status} ${response.statusText}` };
  }
}
