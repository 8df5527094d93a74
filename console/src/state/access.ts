/** Who looks: nobody in particular on loopback, or the holder of a token. The token lives as long as the tab. */
import { signal } from "@preact/signals";
import type { Problem } from "../api/types";

const KEY = "weir-token";

export interface Me {
  user: string | null;
  groups: string[];
  /** The filter that is added to every question; empty or null: everything is seen. */
  scope: string | null;
  auth: string;
}

function kept(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export const token = signal<string>(kept());
/** The answer that asked for a token; null: none is wanted. */
export const locked = signal<Problem | null>(null);
export const me = signal<Me | null>(null);

export function logIn(text: string): void {
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
  locked.value = null;
  token.value = text;
}

export const authorization = (): Record<string, string> => (token.peek() ? { Authorization: `Bearer ${token.peek()}` } : {});
