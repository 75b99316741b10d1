import { PlatformError } from '@flotilla/kernel';

/**
 * What ends a command.
 * - `CLI_USAGE`: the command line or the configuration cannot be understood (exit 2).
 * - `CLI_NOT_RUNNING`: there is no running system in this data directory (exit 7).
 * - `CLI_ALREADY_RUNNING`: there is one, and a second may not share its data.
 * - `CLI_PORT_BUSY`: a fixed port is taken.
 * - `CLI_UNKNOWN_SERVICE`: the system has no service of that name.
 * - `CLI_DATA_DIR_FOREIGN`: the folder holds something else, so it is neither used nor deleted.
 * - `CLI_DATA_ELSEWHERE`: data to be deleted are on a server that `DATABASE_URL` does not name, or on a RabbitMQ that
 *   is away or refuses us.
 * - `CLI_BROKER_TAKEN`: the virtual host on RabbitMQ is another system's, or has queues of an unknown one.
 * - `CLI_SECRETS_UNREADABLE`, `CLI_SECRETS_LOST`: the file of the secrets is torn, or gone although there are data.
 * - `CLI_START_FAILED`: something that everything needs did not start.
 * - `CLI_NOT_FOUND`: what was named is not there.
 * - `CLI_QUEUE_IN_USE`: the service of a queue that was to be dropped is configured, or consumes it.
 * - `CLI_NO_ANSWER`: a running service did not carry out in time what was asked of it, or the system does not answer.
 * - `CLI_NOT_READY`: a system in the background was not ready in time; it goes on.
 * - `CLI_UNEXPECTED`: a fault of this program; its stack is shown.
 */
export type CliErrorCode =
  | 'CLI_USAGE'
  | 'CLI_NOT_RUNNING'
  | 'CLI_ALREADY_RUNNING'
  | 'CLI_PORT_BUSY'
  | 'CLI_UNKNOWN_SERVICE'
  | 'CLI_DATA_DIR_FOREIGN'
  | 'CLI_DATA_ELSEWHERE'
  | 'CLI_BROKER_TAKEN'
  | 'CLI_SECRETS_UNREADABLE'
  | 'CLI_SECRETS_LOST'
  | 'CLI_START_FAILED'
  | 'CLI_NOT_FOUND'
  | 'CLI_QUEUE_IN_USE'
  | 'CLI_NO_ANSWER'
  | 'CLI_NOT_READY'
  | 'CLI_UNEXPECTED';

/** The message is what the user reads. */
export function cliError(code: CliErrorCode, message: string, cause?: unknown): PlatformError<CliErrorCode> {
  return new PlatformError(code, message, { cause });
}

const EXIT_CODES: Readonly<Record<string, number>> = { CLI_USAGE: 2, CLI_NOT_RUNNING: 7 };

export function exitCodeOf(code: string): number {
  return EXIT_CODES[code] ?? 1;
}
