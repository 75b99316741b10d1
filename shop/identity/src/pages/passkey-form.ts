import { type Html, html } from './html.ts';

/** What a passkey is asked for, of a page that has other ways as well. Shown by its script, where the browser knows passkeys. */
export interface PasskeyForm {
  readonly action: string;
  /** Options of WebAuthn, as JSON. */
  readonly options: string;
  readonly ticket?: string;
}

export function passkeyForm(
  { action, options, ticket }: PasskeyForm,
  kind: 'get' | 'create',
  label: string,
): Html {
  return html`<form method="post" action="${action}" data-passkey="${kind}" data-options="${options}" autocomplete="off" hidden>
${ticket !== undefined && html`<input type="hidden" name="ticket" value="${ticket}">`}
<input type="hidden" name="answer" value="">
<button class="${kind === 'create' ? 'primary' : 'plain'}" type="submit">${label}</button>
<p class="note status" role="status" hidden></p>
</form>`;
}
