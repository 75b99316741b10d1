import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSurvivors } from './survivors.ts';

describe('a message that comes back', () => {
  it('is suspect when this process did not hold it', () => {
    const survivors = createSurvivors();
    assert.equal(survivors.isSuspect({ messageId: 'a', returns: 0 }), false);
    assert.equal(survivors.isSuspect({ messageId: 'a', returns: 1 }), true);
    assert.equal(survivors.isSuspect({ messageId: undefined, returns: 1 }), true);
  });

  it('is not suspect when this process lost its channel and lives', () => {
    const survivors = createSurvivors();
    survivors.remember([
      { messageId: 'a', returns: 0, suspect: false },
      { messageId: 'b', returns: 2, suspect: true },
      { messageId: undefined, returns: 0, suspect: false },
    ]);
    assert.equal(survivors.isSuspect({ messageId: 'a', returns: 1 }), false);
    assert.equal(survivors.isSuspect({ messageId: 'b', returns: 3 }), true, 'it was one before');
    assert.equal(survivors.isSuspect({ messageId: undefined, returns: 1 }), true);
  });

  it('is suspect when somebody else held it in between', () => {
    const survivors = createSurvivors();
    survivors.remember([{ messageId: 'a', returns: 0, suspect: false }]);
    assert.equal(survivors.isSuspect({ messageId: 'a', returns: 2 }), true);
  });
});
