import { uuidv5 } from '@flotilla/kernel';

const NAMESPACE = '6f0d1c4e-2f0b-5a57-9a4e-6c1d7f3b9e21';

/** The account of a demo customer is the same everywhere, so that several services have demo data of one person. */
export function demoAccountId(email: string): string {
  return uuidv5(email, NAMESPACE);
}
