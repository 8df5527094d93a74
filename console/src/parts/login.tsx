/** Not logged in: a field for a token. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { locked, logIn, token } from "../state/access";

export function Login() {
  const text = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const refused = token.value !== "";
  return (
    <form
      class="login"
      aria-label="Log in"
      onSubmit={(event) => {
        event.preventDefault();
        logIn(text.value.trim());
      }}
    >
      <h1>Log in</h1>
      <p>{refused ? "This token is not known here, or not any more." : (locked.value?.detail ?? "This console wants a token.")}</p>
      <label>
        Token
        <input ref={field} type="password" autocomplete="off" required aria-invalid={refused ? "true" : undefined} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      </label>
      <button disabled={!text.value.trim()}>Log in</button>
      <p class="quiet">It is kept until this tab is closed, and sent to this console only. Who runs the console has tokens in its access file.</p>
    </form>
  );
}
