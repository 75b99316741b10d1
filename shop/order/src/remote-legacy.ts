import { type HttpClient, unexpectedStatus } from '@flotilla/http';
import {
  getLegacyRecord,
  handOverLegacyOrder,
  listLegacyRecords,
  setLegacyIntake,
  settleLegacyCancellation,
} from '@shop/contracts';
import type { LegacyOrders } from './legacy-orders.ts';

/** The monolith over the network. */
export function legacyOver(client: HttpClient): LegacyOrders {
  return {
    list: async (after, isLeft, signal) =>
      (await client.call(listLegacyRecords, { query: { after, isLeft } }, { signal })).body.items,
    find: async (number, signal) => {
      try {
        return (await client.call(getLegacyRecord, { params: { number } }, { signal })).body;
      } catch (error) {
        if (unexpectedStatus(error)?.status === 404) return undefined;
        throw error;
      }
    },
    handOver: async (number, version, signal) => {
      const request = { params: { number }, body: { version } };
      const { status } = await client.call(handOverLegacyOrder, request, { signal });
      return status === 200 ? 'moved' : 'version-changed';
    },
    settle: async (number, { at, reason }, signal) => {
      const body = { at: at.toISOString(), reason };
      await client.call(settleLegacyCancellation, { params: { number }, body }, { signal });
    },
    closeIntake: async (signal) => {
      await client.call(setLegacyIntake, { body: { isOpen: false } }, { signal });
    },
  };
}
