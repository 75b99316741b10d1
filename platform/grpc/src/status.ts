import { status } from '@grpc/grpc-js';

/** The names of gRPC's status codes. */
export type StatusName = keyof typeof status;

/** The number of a status on the wire. */
export function statusCode(name: StatusName): number {
  return status[name];
}

/** The name of a status from the wire; unknown numbers are `UNKNOWN`, as the specification says. */
export function statusName(code: number): StatusName {
  const name: string | undefined = status[code];
  return isStatusName(name) ? name : 'UNKNOWN';
}

function isStatusName(name: string | undefined): name is StatusName {
  return name !== undefined && name in status;
}
