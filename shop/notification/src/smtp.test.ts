import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSmtpServer, requiresTls } from './smtp.ts';
import { startFakeSmtp } from './testing.ts';

const from = 'Shop <shop@flotilla.example>';
const mail = { id: 'm-1', to: 'ann@example.com', subject: 'Hello', text: 'Hello' };

describe('a mail server', () => {
  it('that does not offer TLS gets neither a password nor a mail', async () => {
    const smtp = await startFakeSmtp();
    try {
      const url = `${smtp.url.replace('//', '//user:secret@')}?requireTLS=true`;
      const server = await createSmtpServer({ url, from });
      await assert.rejects(server.send(mail), { code: 'ETLS' });
      assert.deepEqual(smtp.mails, []);
      assert.deepEqual(
        smtp.commands.filter((command) => !/^(?:EHLO|STARTTLS|QUIT)$/.test(command)),
        [],
      );
    } finally {
      await smtp.close();
    }
  });

  it('must offer TLS unless it is on this machine or the URL says otherwise', () => {
    for (const [url, expected] of [
      ['smtp://mail.example:25', true],
      ['smtp://user:p%40ss@mail.example', true],
      ['smtp://localhost.example', true],
      ['smtp://10.0.0.5', true],
      ['smtp://mail.example?requireTLS=false', false],
      ['smtp://127.0.0.1:1025', false],
      ['smtp://[::1]:1025', false],
      ['smtp://localhost', false],
      ['smtp://localhost?requireTLS=true', true],
    ] as const)
      assert.equal(requiresTls(url), expected, url);
  });
});
