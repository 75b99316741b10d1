import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';

export const parcelSent = defineMessage({
  type: 'bench.parcel-sent.v1',
  description: 'One message of a benchmark.',
  key: (parcel) => parcel.key,
  schema: s.object({ n: s.integer(), key: s.string(), note: s.string() }),
});
