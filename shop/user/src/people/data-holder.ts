import type { HttpClient } from '@flotilla/http';
import { erasePerson, exportPerson } from '@shop/contracts';

/** Whose data it is, for those that do not know people by their id, too. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly orderIds: readonly string[];
}

export interface Kept {
  readonly what: string;
  readonly why: string;
}

export interface ErasureReport {
  readonly erased: readonly string[];
  readonly kept: readonly Kept[];
}

export type Erased =
  | (ErasureReport & { readonly orderIds: readonly string[] })
  /** Something must end before. */
  | { readonly waitsFor: string }
  | { readonly refused: string };

export interface Exported {
  readonly data: Readonly<Record<string, unknown>>;
  readonly orderIds: readonly string[];
}

/** A service that knows something of people. Both may be asked again, and do what is left to do. */
export interface DataHolder {
  readonly name: string;
  export(person: Person, signal: AbortSignal): Promise<Exported>;
  erase(person: Person, signal: AbortSignal): Promise<Erased>;
}

/** Of one call; who has ordered more is asked about in several. */
const ORDERS_A_CALL = 500;

/** Another service, over the network. `byOrder`: it knows people by what they ordered alone. */
export function createRemoteHolder(
  name: string,
  client: Pick<HttpClient, 'call'>,
  { byOrder = false } = {},
): DataHolder {
  const bodies = ({ email, orderIds }: Person) => {
    const ids = byOrder ? orderIds : [];
    const calls = Math.max(1, Math.ceil(ids.length / ORDERS_A_CALL));
    return Array.from({ length: calls }, (_, n) => ({
      email,
      orderIds: ids.slice(n * ORDERS_A_CALL, (n + 1) * ORDERS_A_CALL),
    }));
  };
  return {
    name,
    export: async (person, signal) => {
      let all: Exported = { data: {}, orderIds: [] };
      for (const body of bodies(person)) {
        let cursor: string | undefined;
        do {
          const input = { params: { userId: person.userId }, query: cursor ? { cursor } : {}, body };
          const { body: page } = await client.call(exportPerson, input, { signal, idempotent: true });
          all = together(all, { data: page.data, orderIds: page.orderIds ?? [] });
          cursor = page.next ?? undefined;
        } while (cursor !== undefined);
      }
      return all;
    },
    erase: async (person, signal) => {
      let all: ErasureReport & { readonly orderIds: readonly string[] } = {
        erased: [],
        kept: [],
        orderIds: [],
      };
      for (const body of bodies(person)) {
        const input = { params: { userId: person.userId }, body };
        const answer = await client.call(erasePerson, input, { signal, idempotent: true });
        if (answer.status === 202) return answer.body;
        if (answer.status === 422) return { refused: answer.body.reason };
        const { erased, kept, orderIds = [] } = answer.body;
        all = { erased, kept, orderIds: [...all.orderIds, ...orderIds] };
      }
      return all;
    },
  };
}

/** Lists of two pages are one list; of anything else the later one counts. */
function together(before: Exported, page: Exported): Exported {
  const data: Record<string, unknown> = { ...before.data };
  for (const [name, value] of Object.entries(page.data)) {
    const known = data[name];
    data[name] = Array.isArray(known) && Array.isArray(value) ? [...known, ...value] : value;
  }
  return { data, orderIds: [...before.orderIds, ...page.orderIds] };
}
