import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { identityError } from '../errors.ts';

export interface Passwords {
  /** A PHC string (`$argon2id$v=19$…`) with a fresh salt. */
  hash(password: string): Promise<string>;
  /** Costs the same whether it matches or not. */
  verify(password: string, phc: string): Promise<boolean>;
  /** Whether a new hash would cost something else than this one. */
  isOutdated(phc: string): boolean;
  /** A hash that no password has: checking it makes an unknown account cost what a known one costs. */
  decoy(): string;
}

interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's minimum for argon2id: 19 MiB, two passes. Old hashes keep the cost they were made with until their owner signs in. */
const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const TAG_BYTES = 32;

const derive = promisify(argon2);

/** argon2id on the thread pool, so that the event loop stays free. `newCost` is what new hashes take. */
export function createPasswords(newCost: Cost = COST): Passwords {
  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES);
      return format(newCost, salt, await tagOf(password, salt, newCost, TAG_BYTES));
    },
    verify: async (password, phc) => {
      const { cost, salt, tag } = parse(phc);
      return timingSafeEqual(await tagOf(password, salt, cost, tag.length), tag);
    },
    isOutdated: (phc) => {
      const { cost, tag } = parse(phc);
      const { memory, passes, parallelism } = newCost;
      return (
        tag.length !== TAG_BYTES ||
        cost.memory !== memory ||
        cost.passes !== passes ||
        cost.parallelism !== parallelism
      );
    },
    decoy: () => format(newCost, randomBytes(SALT_BYTES), randomBytes(TAG_BYTES)),
  };
}

async function tagOf(password: string, nonce: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
  return await derive('argon2id', { message: Buffer.from(password), nonce, tagLength, ...cost });
}

function format(cost: Cost, salt: Buffer, tag: Buffer): string {
  const parameters = `m=${cost.memory},t=${cost.passes},p=${cost.parallelism}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parse(phc: string): { readonly cost: Cost; readonly salt: Buffer; readonly tag: Buffer } {
  const parts = PHC.exec(phc);
  if (!parts) throw identityError('IDENTITY_HASH_UNREADABLE', 'a stored password hash is not argon2id');
  const [, memory, passes, parallelism, salt = '', tag = ''] = parts;
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
