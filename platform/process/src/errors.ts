import { PlatformError } from '@flotilla/kernel';

/** `CONFIG_INVALID`: some settings are missing or wrong; `details.problems` names all of them, never their values. */
export type ConfigurationErrorCode = 'CONFIG_INVALID';

export class ConfigurationError extends PlatformError<ConfigurationErrorCode> {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('CONFIG_INVALID', `the configuration is not usable: ${problems.join('; ')}`, {
      details: { problems },
    });
    this.problems = problems;
  }
}

/**
 * Errors of a task: `TASK_USAGE` when its arguments are wrong, `TASK_REFUSED` when what it was given must not be done;
 * then nothing was changed.
 */
export type TaskErrorCode = 'TASK_USAGE' | 'TASK_REFUSED';

/** The message is what the user reads. */
export function taskError(code: TaskErrorCode, message: string): PlatformError<TaskErrorCode> {
  return new PlatformError(code, message);
}
