import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { collect } from './collect.ts';

const streamOf = (...texts: readonly string[]) => Readable.from(texts.map((text) => Buffer.from(text)));

describe('collecting a stream', () => {
  it('gives all bytes, up to the limit itself', async () => {
    assert.equal((await collect(streamOf('ab', 'cd'), 4))?.toString(), 'abcd');
    assert.equal((await collect(streamOf(), 0))?.length, 0);
  });

  it('ends with the first byte that is too much, and closes the stream', async () => {
    const stream = streamOf('ab', 'cd', 'never read');
    assert.equal(await collect(stream, 3), undefined);
    assert.equal(stream.destroyed, true);
  });

  it('fails with what the stream fails with', async () => {
    const broken = new Error('the sender is gone');
    const stream = new Readable({ read: () => stream.destroy(broken) });
    await assert.rejects(collect(stream, 10), broken);
  });
});
