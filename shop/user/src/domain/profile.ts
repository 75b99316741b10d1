/** What a person says of themselves. */
export interface Profile {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly locale: string;
  readonly notifications: Notifications;
  /** 0: nothing is stored yet. */
  readonly version: number;
  readonly registeredAt: Date;
}

export interface Notifications {
  readonly orders: boolean;
  readonly shipping: boolean;
}

export interface ProfileChange {
  readonly name?: string;
  readonly locale?: string;
  readonly notifications?: Partial<Notifications>;
}

/** What a token says of its user. */
export interface Claims {
  readonly subject: string;
  readonly email?: string;
  readonly name?: string;
  readonly issuedAtSeconds?: number;
}

/**
 * The profile of somebody of whom no event has come: who has just registered, or did before there was this service.
 * `undefined`: the token is not a person's.
 */
export function profileOf({ subject, email, name, issuedAtSeconds = 0 }: Claims): Profile | undefined {
  if (email === undefined || name === undefined) return undefined;
  return {
    ...{ userId: subject, email, name, locale: 'en', version: 0 },
    notifications: { orders: true, shipping: true },
    registeredAt: timeOf(subject) ?? new Date(issuedAtSeconds * 1_000),
  };
}

/** `undefined` when it changes nothing. */
export function change(profile: Profile, to: ProfileChange): Profile | undefined {
  const { name = profile.name, locale = profile.locale } = to;
  const { orders = profile.notifications.orders, shipping = profile.notifications.shipping } =
    to.notifications ?? {};
  const isSame =
    name === profile.name &&
    locale === profile.locale &&
    orders === profile.notifications.orders &&
    shipping === profile.notifications.shipping;
  if (isSame) return undefined;
  return { ...profile, name, locale, notifications: { orders, shipping }, version: profile.version + 1 };
}

/** Identity's ids of people are UUIDv7: they begin with the time. */
function timeOf(id: string): Date | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : new Date(Number.parseInt(high + low, 16));
}
