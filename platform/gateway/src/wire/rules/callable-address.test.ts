import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isCallable } from './callable-address.ts';

it('link-local and metadata addresses are not called, however they are written', () => {
  const refused = [
    '169.254.169.254',
    '169.254.0.1',
    '2852039166',
    '0xA9FEA9FE',
    '0xa9.0xfe.0xa9.0xfe',
    '169.254.43518',
    '0251.0376.0251.0376',
    'fe80::1',
    'FE80::1',
    'fe80::1%eth0',
    'febf::1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '[fe80::1]',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    'fd00:ec2::254',
    'metadata.google.internal',
    'Metadata.Google.Internal.',
    'http://10.0.0.1',
    'a b',
    'user@host',
    'host/path',
    '',
    '1',
  ];
  assert.deepEqual(refused.filter(isCallable), []);
});

it('other addresses and names are', () => {
  const called = [
    '10.0.0.1',
    '127.0.0.1',
    'order',
    'order.internal.',
    'order_1.svc',
    '::1',
    'fd00::1',
    '[::1]',
    'a.1b',
  ];
  assert.deepEqual(
    called.filter((host) => !isCallable(host)),
    [],
  );
});
