import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { userRegistered } from '@shop/contracts';
import { type FakeSmtp, startFakeSmtp, startNotification } from './testing.ts';

describe('sending mails', () => {
  let smtp: FakeSmtp;
  let notification: Awaited<ReturnType<typeof startNotification>>;
  before(async () => {
    smtp = await startFakeSmtp();
    notification = await startNotification({ smtpUrl: smtp.url });
  });
  after(async () => {
    await notification.close();
    await smtp.close();
  });
  afterEach(() => {
    smtp.answerRecipient = () => '250 ok';
    smtp.mails.length = 0;
  });

  const register = (email: string) =>
    notification.publish(userRegistered, { userId: email, email, name: 'Zoë' });
  const rowOf = async (email: string) => {
    const [row] = await notification.db.query('SELECT * FROM mail WHERE recipient = $1', [email]);
    return row;
  };
  const becomes = (email: string, state: string) =>
    eventually(`the mail to ${email} is ${state}`, async () => (await rowOf(email))?.['state'] === state);
  const dueNow = (email: string) =>
    notification.db.query('UPDATE mail SET next_attempt_at = now() WHERE recipient = $1', [email]);

  it('hands each mail to the server once', async () => {
    await register('ann@example.com');
    await becomes('ann@example.com', 'sent');
    assert.equal(smtp.mails.length, 1);
    const [mail] = smtp.mails;
    assert.equal(mail?.to, 'ann@example.com');
    assert.match(mail?.data ?? '', /^From: Shop <shop@flotilla\.example>$/m);
    assert.match(mail?.data ?? '', /^Subject: Welcome to the Flotilla shop$/m);
    assert.match(mail?.data ?? '', /^Hello Zo=C3=AB,$/m);
    assert.match(mail?.data ?? '', /^Content-Type: multipart\/alternative;/m);
    assert.match(mail?.data ?? '', /<p>Hello Zo=C3=AB,<\/p>/);
    assert.equal((await rowOf('ann@example.com'))?.['attempts'], 1);
  });

  it('names a mail after the message it is about, so that a second copy is recognised', async () => {
    await register('bea@example.com');
    await becomes('bea@example.com', 'sent');
    const id = String((await rowOf('bea@example.com'))?.['id']);
    assert.match(smtp.mails[0]?.data ?? '', new RegExp(`^Message-ID: <${id}@flotilla\\.example>$`, 'm'));
  });

  it('tries again what the server could not take yet', async () => {
    smtp.answerRecipient = () => '451 greylisted';
    await register('cora@example.com');
    await eventually(
      'a first attempt has failed',
      async () => (await rowOf('cora@example.com'))?.['last_error'],
    );
    assert.equal((await rowOf('cora@example.com'))?.['state'], 'queued');
    smtp.answerRecipient = () => '250 ok';
    await dueNow('cora@example.com');
    await becomes('cora@example.com', 'sent');
    assert.equal(smtp.mails.length, 1);
  });

  it('gives up what the server refuses for good, and sends the others', async () => {
    smtp.answerRecipient = (to) => (to === 'gone@example.com' ? '550 no such\0mailbox' : '250 ok');
    await register('gone@example.com');
    await register('here@example.com');
    await becomes('gone@example.com', 'failed');
    await becomes('here@example.com', 'sent');
    assert.match(String((await rowOf('gone@example.com'))?.['last_error']), /550 no such\u2400mailbox/);
  });

  it('shows only mails that a server has taken', async () => {
    smtp.answerRecipient = () => '451 greylisted';
    await register('dora@example.com');
    await eventually(
      'a first attempt has failed',
      async () => (await rowOf('dora@example.com'))?.['last_error'],
    );
    const { body } = await notification.get('/internal/mails?to=dora@example.com');
    assert.deepEqual(body['items'], []);
    assert.equal((await notification.get('/internal/mails?to=ann@example.com')).status, 200);
  });

  it('loses nothing while the server is away', async () => {
    const port = Number(new URL(smtp.url).port);
    await smtp.close();
    for (const number of [1, 2, 3]) await register(`away${number}@example.com`);
    await eventually('all have been tried', async () => {
      const rows = await notification.db.query(
        "SELECT 1 FROM mail WHERE recipient LIKE 'away%' AND state = 'queued' AND last_error IS NOT NULL",
      );
      return rows.length === 3;
    });
    smtp = await startFakeSmtp(port);
    for (const number of [1, 2, 3]) await dueNow(`away${number}@example.com`);
    for (const number of [1, 2, 3]) await becomes(`away${number}@example.com`, 'sent');
    assert.equal(smtp.mails.filter(({ to }) => to.startsWith('away')).length, 3);
  });
});
