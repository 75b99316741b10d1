import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  passkeyMail,
  passwordChangedMail,
  resetMail,
  secondFactorMail,
  signedInElsewhereMail,
  verificationMail,
} from './security-mails.ts';

const person = { userId: 'u', email: 'dora@example.com', name: 'Dora' };
const link = 'https://shop.example/identity/reset-password?token=abc';

describe('the mails about an account', () => {
  it('have a link on a line of its own, where mail programs find it, and say how long it works', () => {
    for (const mail of [resetMail, verificationMail]) {
      const { to, text } = mail({ ...person, link, expiresAt: '2026-12-01T10:30:59.000Z' }, 'en');
      assert.equal(to, 'dora@example.com');
      assert.ok(text.includes(`\n\n${link}\n\n`));
      assert.match(text, /until 2026-12-01 10:30 UTC/);
    }
  });

  it('say what happened, when and from where', () => {
    assert.match(
      passwordChangedMail({ ...person, changedAt: '2026-12-01T10:30:00Z' }, 'en').text,
      /changed on 2026-12-01 10:30 UTC/,
    );
    const signedInAt = '2026-12-01T10:30:00Z';
    const place = { device: 'Firefox on Linux', address: '192.0.2.7' };
    const known = signedInElsewhereMail({ ...person, ...place, signedInAt }, 'en');
    assert.match(known.text, /\n {2}2026-12-01 10:30 UTC\n {2}Firefox on Linux\n {2}from 192\.0\.2\.7\n/);
    const unknown = signedInElsewhereMail({ ...person, device: null, address: null, signedInAt }, 'en');
    assert.match(unknown.text, /\n {2}2026-12-01 10:30 UTC\n\nIf it was you/);
  });

  it('are written in German, too, with the same link as text and as a page', () => {
    const asked = { ...person, link, expiresAt: '2026-12-01T10:30:00Z' };
    const { subject, text, html } = resetMail(asked, 'de');
    assert.equal(subject, 'Neues Passwort wählen');
    assert.ok(text.includes(`\n\n${link}\n\n`));
    assert.ok(html.includes(`<a href="${link}">`));
  });

  it('say that the second factor is on, or off', () => {
    const at = { ...person, changedAt: '2026-12-01T10:30:00Z' };
    assert.match(
      secondFactorMail({ ...at, isOn: true }, 'en').text,
      /Since 2026-12-01 10:30 UTC.* takes a code/,
    );
    assert.equal(secondFactorMail({ ...at, isOn: false }, 'de').subject, 'Ihr zweiter Faktor ist aus');
  });

  it('say which passkey came or went', () => {
    const at = { ...person, passkey: 'Chrome on Linux', changedAt: '2026-12-01T10:30:00Z' };
    assert.match(
      passkeyMail({ ...at, isAdded: true }, 'en').text,
      /Since 2026-12-01 10:30 UTC, a passkey signs in to your account: Chrome on Linux\./,
    );
    assert.match(passkeyMail({ ...at, isAdded: false }, 'de').text, /meldet dieser Passkey nicht mehr/);
  });

  it('let neither a name nor a device write lines of its own', () => {
    const place = { device: 'curl\r\nhttps://evil.test/', address: null };
    const signedInAt = '2026-12-01T10:30:00Z';
    const { text } = signedInElsewhereMail(
      { ...person, name: 'Eve\nSend money', ...place, signedInAt },
      'en',
    );
    assert.match(text, /^Hello Eve Send money,\n/);
    assert.match(text, /\n {2}curl https:\/\/evil\.test\/\n/);
  });
});
