import { type Html, html } from './html.ts';
import { type Page, page } from './pages.ts';
import { passkeyForm } from './passkey-form.ts';

export interface ListedPasskey {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface PasskeysView {
  readonly action: string;
  readonly ticket: string;
  readonly home: string;
  readonly email: string;
  readonly passkeys: readonly ListedPasskey[];
  /** Options for one more; none when there are as many as there may be. */
  readonly options: string | undefined;
  readonly done?: 'added' | 'removed' | undefined;
  readonly problem?: { readonly text: string; readonly status: number };
}

const DONE = { added: 'The passkey is added.', removed: 'The passkey is removed.' };

export function passkeysPage(view: PasskeysView): Page {
  const { action, ticket, home, email, passkeys, options, done, problem } = view;
  return page(
    'Passkeys',
    html`<h1>Your passkeys</h1>
<p class="lead">of ${email}. With one you sign in by your finger, face or PIN; without one, signing in takes the password and a code.</p>
${problem && html`<p class="alert" role="alert">${problem.text}</p>`}
${done && html`<p class="note" role="status">${DONE[done]}</p>`}
${
  passkeys.length === 0
    ? html`<p>There is none yet.</p>`
    : html`<ul aria-label="Passkeys" class="rows">${passkeys.map((passkey) => row(view, passkey))}</ul>`
}
${options !== undefined && passkeyForm({ action: `${action}/add`, options, ticket }, 'create', 'Add a passkey')}
<noscript><p class="note">Adding one needs a script, which this browser does not run.</p></noscript>
<a class="button plain" href="${home}">Go to the start page</a>`,
    { hasScript: true, ...(problem && { status: problem.status }) },
  );
}

function row({ action, ticket }: PasskeysView, { id, name, createdAt, lastUsedAt }: ListedPasskey): Html {
  const day = (at: Date) => at.toISOString().slice(0, 10);
  const used = lastUsedAt === null ? 'not used yet' : `last used on ${day(lastUsedAt)}`;
  return html`<li><div><b>${name}</b><small>added on ${day(createdAt)}, ${used}</small></div>
<form method="post" action="${action}/remove">
<input type="hidden" name="ticket" value="${ticket}">
<input type="hidden" name="passkey" value="${id}">
<button class="plain" type="submit" aria-label="Remove ${name}">Remove</button>
</form></li>`;
}

/** For an issuer that has no name. */
export function noPasskeysPage(home: string): Page {
  return page(
    'Passkeys',
    html`<h1>No passkeys here</h1>
<p class="lead">Browsers keep passkeys by the name of a site. This one is reached by a number.</p>
<a class="button primary" href="${home}">Go to the start page</a>`,
    { status: 404 },
  );
}
