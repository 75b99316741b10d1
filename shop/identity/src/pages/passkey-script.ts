import { createHash } from 'node:crypto';

/** The one script of these pages: a browser's passkeys can be reached by nothing else. Where there are none its forms stay hidden. */
export const PASSKEY_SCRIPT = `
for (const form of document.querySelectorAll('form[data-passkey]')) {
  const Key = window.PublicKeyCredential;
  if (!Key?.parseRequestOptionsFromJSON || !Key.parseCreationOptionsFromJSON || !Key.prototype.toJSON) continue;
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const status = form.querySelector('[role=status]');
    const button = form.querySelector('button');
    const options = JSON.parse(form.dataset.options);
    button.disabled = true;
    status.hidden = false;
    status.textContent = 'Waiting for your device…';
    try {
      const credential = form.dataset.passkey === 'create'
        ? await navigator.credentials.create({ publicKey: Key.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: Key.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      status.textContent = error.name === 'InvalidStateError'
        ? 'This device has a passkey of your account already.'
        : 'That was cancelled, or took too long.';
    } finally {
      button.disabled = false;
    }
  });
}
`.trim();

/** Lets this script in and no other. */
export const PASSKEY_SCRIPT_HASH: string = `'sha256-${createHash('sha256').update(PASSKEY_SCRIPT).digest('base64')}'`;
