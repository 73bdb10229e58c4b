import { useState } from "preact/hooks";
import { useApp } from "./context.ts";

/** Asks for the admin token. It stays in this tab, and leaves it only in the header of requests. */
export function Login({ says }: { says: string | null }) {
  const { session } = useApp();
  const [token, setToken] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    await session.logIn(token.trim());
    setBusy(false);
  };
  return (
    <main class="login" id="main">
      <form
        class="card login-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && token.trim() !== "") void send();
        }}
      >
        <h1>Sluice</h1>
        <p>This Sluice asks for its admin token, as its configuration says under admin.token.</p>
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            spellcheck={false}
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {says !== null && (
          <p class="failure" role="alert">
            {says}
          </p>
        )}
        <button type="submit" class="button button-primary" aria-disabled={isBusy}>
          {isBusy ? "Asking …" : "Log in"}
        </button>
        <p class="muted small">
          It is kept in this tab until you close it or log out, and never in an address or a log.
        </p>
      </form>
    </main>
  );
}
