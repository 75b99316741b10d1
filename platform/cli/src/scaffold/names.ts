/** The forms in which the name of a service appears in its files. */
export interface ServiceNames {
  /** `gift-card` */
  readonly name: string;
  /** `GiftCard` */
  readonly type: string;
  /** `giftCard` */
  readonly value: string;
  /** `gift_card` */
  readonly table: string;
  /** `gift card` */
  readonly words: string;
}

export function namesOf(name: string): ServiceNames {
  const words = name.split('-').filter((word) => word !== '');
  const type = words.map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join('');
  return {
    ...{ name, type, table: words.join('_'), words: words.join(' ') },
    value: `${type.slice(0, 1).toLowerCase()}${type.slice(1)}`,
  };
}
