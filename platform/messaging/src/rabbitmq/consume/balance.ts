/** Decides which shards this process should leave to the others. */
export interface Balance {
  /**
   * Call it at each look. `processes`: how many consume from the queue, this one among them. `active`: the shards that
   * are known to be ours. Returns those beyond the fair share, once two looks in a row have counted the same: shards do
   * not move for a process that only comes and goes.
   */
  look<S>(processes: number, active: readonly S[]): readonly S[];
}

export function createBalance(shards: number): Balance {
  let before: number | undefined;
  return {
    look: (processes, active) => {
      const isSettled = processes === before;
      before = processes;
      return isSettled ? active.slice(Math.ceil(shards / Math.max(processes, 1))) : [];
    },
  };
}
