import { signal } from "@preact/signals";
import { authorization, locked, token } from "../state/access";
import type { Problem } from "./types";

/** An answer that is an error: what the API said, or that it could not be reached. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
  /** Worth asking again by itself: the console is not reached, is busy, or its tables are away. */
  get away(): boolean {
    return [0, 429, 502, 503, 504].includes(this.problem.status);
  }
}

const UNREACHED: Problem = {
  title: "The console does not answer",
  status: 0,
  detail: "weir console does not answer: it may be restarting. It is asked again every few seconds.",
};

/** Questions that have no answer yet. */
export const asking = signal(0);

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

/** Raises ApiError, or the AbortError of `signal`. A 401 also asks for a token, whatever the question was. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const own = token.peek();
  let response: Response;
  asking.value = asking.peek() + 1;
  try {
    response = await fetch(path, { ...init, headers: { ...authorization(), ...(init.headers as Record<string, string> | undefined) } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHED);
  } finally {
    asking.value = asking.peek() - 1;
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && own === token.peek()) locked.value = problem;
  throw new ApiError(problem);
}

export async function get<T>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<T> {
  const response = await request(address(path, parameters), signal ? { signal } : {});
  return (await response.json()) as T;
}

/** Changes something; only saved views can be. */
export async function send(method: "POST" | "DELETE", path: string, body?: unknown): Promise<void> {
  await request(`api/v1/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }) });
}

async function problemOf(response: Response): Promise<Problem> {
  const unsaid: Problem = { title: response.statusText || "An error", status: response.status, detail: `${response.status} ${response.statusText}` };
  try {
    return { ...unsaid, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return unsaid;
  }
}
