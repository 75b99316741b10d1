import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { accept, type Result, reject } from '@flotilla/kernel';

export type AnyMessage = MessageShape<DescMessage>;

/** A request that arrived: bytes that are no message are refused by a response, not treated as a failure of the transport. */
export type Decoded<M extends AnyMessage = AnyMessage> = Result<M, 'malformed'>;

export function encode(schema: DescMessage, message: AnyMessage): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): Decoded<MessageShape<D>> {
  try {
    return accept(fromBinary(schema, bytes));
  } catch {
    return reject('malformed'); // the parser's message would only describe the caller's bytes
  }
}
