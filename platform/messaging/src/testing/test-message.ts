import { uuidv7 } from '@flotilla/kernel';
import { toCloudEvent } from '../cloud-event.ts';
import type { MessageType } from '../message.ts';
import type { OutgoingMessage } from '../transport.ts';

/** A message as a relay would hand it to `transport.publish`, for tests of consumers. The data is not validated. */
export function createTestMessage<T>(
  type: MessageType<T>,
  data: T,
  { id = uuidv7(), source = 'test' }: { readonly id?: string; readonly source?: string } = {},
): OutgoingMessage {
  const key = type.key(data);
  const time = new Date().toISOString();
  const body = toCloudEvent({ id, type: type.type, source, time, key, data });
  return { id, type: type.type, key, body, mandatory: type.mandatory ?? false };
}
