/** As those of the kitchen. */
export const home: readonly (readonly [words: RegExp, drawing: string])[] = [
  [
    /desk lamp/i,
    '<path d="M34 82 26 46l28-20" fill="none" stroke="c" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"/><circle cx="26" cy="46" r="4.5" fill="b"/><path d="M46 28 62 12l18 22-24 10z" fill="a"/><path d="M58 43 92 78H60z" fill="d" opacity=".55"/><rect x="18" y="80" width="34" height="6" rx="3" fill="c"/>',
  ],
  [
    /reading lamp/i,
    '<path d="M30 78V52c0-20 12-28 30-28" fill="none" stroke="c" stroke-width="5" stroke-linecap="round"/><rect x="56" y="16" width="30" height="14" rx="7" fill="a"/><path d="M58 30h26l8 34H52z" fill="d" opacity=".5"/><path d="M20 70h22l-3 16H23z" fill="b"/>',
  ],
  [
    /throw/i,
    '<path d="M20 26h60v50H20z" fill="a"/><path d="M20 26h16v50H20z" fill="b"/><path d="M52 26h5v50h-5zM62 26h12v50H62z" fill="c" opacity=".55"/><path d="M20 40h60M20 58h60" stroke="d" stroke-width="3" opacity=".5"/><path d="M23 76v10M31 76v10M39 76v10M47 76v10M55 76v10M63 76v10M71 76v10M77 76v10" stroke="a" stroke-width="3" stroke-linecap="round"/>',
  ],
  [
    /cushion/i,
    '<path d="M20 22c20 6 40 6 60 0 -5 20-5 38 0 58-20-6-40-6-60 0 5-20 5-38 0-58z" fill="a"/><path d="M26 28c16 4 32 4 48 0M26 74c16-4 32-4 48 0" fill="none" stroke="d" stroke-width="2.5" opacity=".6"/><circle cx="50" cy="51" r="5" fill="b"/><path d="M36 40l6 5M64 40l-6 5M36 62l6-5M64 62l-6-5" stroke="c" stroke-width="2.5" stroke-linecap="round"/>',
  ],
  [
    /hooks/i,
    '<g fill="a"><circle cx="24" cy="34" r="11"/><circle cx="50" cy="34" r="11"/><circle cx="76" cy="34" r="11"/></g><g fill="none" stroke="c" stroke-width="5" stroke-linecap="round"><path d="M24 38v22c0 10-10 10-10 2"/><path d="M50 38v22c0 10-10 10-10 2"/><path d="M76 38v22c0 10-10 10-10 2"/></g><g fill="b"><circle cx="24" cy="33" r="4"/><circle cx="50" cy="33" r="4"/><circle cx="76" cy="33" r="4"/></g>',
  ],
  [
    /vase/i,
    '<path d="M50 46C44 30 34 22 30 10M50 46c0-16 2-24 4-36M50 46c6-14 14-20 20-28" fill="none" stroke="c" stroke-width="2.5"/><g fill="b"><circle cx="30" cy="12" r="6"/><circle cx="54" cy="10" r="7"/><circle cx="71" cy="19" r="5.5"/></g><path d="M42 42h16c0 8 12 14 12 26 0 12-8 18-20 18s-20-6-20-18c0-12 12-18 12-26z" fill="a"/><path d="M36 62c-2 6-1 12 3 16" fill="none" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /clock/i,
    '<circle cx="50" cy="50" r="36" fill="a"/><circle cx="50" cy="50" r="29" fill="d"/><path d="M50 50V30M50 50l14 9" stroke="c" stroke-width="4" stroke-linecap="round"/><circle cx="50" cy="50" r="3.5" fill="b"/><path d="M50 24v4M50 72v4M24 50h4M72 50h4" stroke="c" stroke-width="3"/>',
  ],
  [
    /frame|art print/i,
    '<rect x="22" y="14" width="56" height="72" rx="3" fill="c"/><rect x="27" y="19" width="46" height="62" fill="d"/><circle cx="58" cy="40" r="9" fill="b"/><path d="M33 72l14-22 10 14 6-8 8 16z" fill="a"/>',
  ],
  [
    /candle/i,
    '<path d="M30 40h40v38a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6z" fill="a"/><path d="M34 52h32v24a4 4 0 0 1-4 4H38a4 4 0 0 1-4-4z" fill="d" opacity=".75"/><path d="M50 52V38" stroke="c" stroke-width="3"/><path d="M50 14c10 12 8 22 0 22s-10-10 0-22z" fill="b"/><rect x="40" y="60" width="20" height="12" rx="2" fill="c" opacity=".7"/>',
  ],
  [
    /planter|seed/i,
    '<g fill="none" stroke="c" stroke-width="3"><path d="M30 60V34M50 60V26M70 60V36"/></g><g fill="b"><path d="M30 44c-12 0-14-10-14-10 10-2 14 4 14 10zM30 38c2-10 12-12 12-12 0 8-6 12-12 12zM50 40c-12 0-14-12-14-12 10 0 14 6 14 12zM50 32c2-12 14-14 14-14 0 10-8 14-14 14zM70 46c-10 0-12-10-12-10 8 0 12 4 12 10zM70 40c2-10 14-10 14-10 0 8-8 10-14 10z"/></g><path d="M14 58h72l-6 24a4 4 0 0 1-4 3H24a4 4 0 0 1-4-3z" fill="a"/><path d="M14 58h72l-1.5 7h-69z" fill="c" opacity=".5"/>',
  ],
  [
    /watering/i,
    '<path d="M30 44h36v34a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6z" fill="a"/><path d="M64 70 86 34" stroke="a" stroke-width="6" stroke-linecap="round"/><path d="M78 30l16 8" stroke="c" stroke-width="5" stroke-linecap="round"/><path d="M30 52c-22-4-18 26 0 22" fill="none" stroke="c" stroke-width="5"/><path d="M32 44c4-20 28-20 32 0" fill="none" stroke="b" stroke-width="5"/><path d="M38 54v20" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".5"/>',
  ],
  [
    /secateurs/i,
    '<path d="M46 48c-2-14 4-28 18-34 2 14-4 26-12 36z" fill="b"/><path d="M54 50c6-8 16-12 22-10-2 8-10 14-20 14z" fill="c"/><path d="M46 46c-16 8-24 22-22 38 8-2 18-14 30-30z" fill="a"/><path d="M54 52c4 12 4 24-2 34 10-2 14-18 8-36z" fill="a"/><circle cx="51" cy="49" r="4" fill="d"/>',
  ],
  [
    /compost/i,
    '<path d="M24 38h52l-4 42a5 5 0 0 1-5 5H33a5 5 0 0 1-5-5z" fill="a"/><rect x="20" y="30" width="60" height="9" rx="4.5" fill="c"/><path d="M38 28c0-12 24-12 24 0" fill="none" stroke="c" stroke-width="4"/><path d="M50 72c-14 0-14-16-2-22 10 6 12 16 2 22z" fill="b"/><path d="M50 74V58" stroke="d" stroke-width="2.5"/>',
  ],
  [
    /notebook/i,
    '<rect x="24" y="14" width="54" height="72" rx="5" fill="a"/><path d="M24 19a5 5 0 0 1 5-5h6v72h-6a5 5 0 0 1-5-5z" fill="c"/><rect x="44" y="28" width="24" height="14" rx="2" fill="d"/><path d="M66 14v72" stroke="b" stroke-width="4"/>',
  ],
  [
    /\bpen\b/i,
    '<g transform="rotate(38 50 50)"><rect x="43" y="6" width="14" height="46" rx="6" fill="a"/><path d="M43 50h14v12l-4 4h-6l-4-4z" fill="c"/><path d="M46 66h8l-4 22z" fill="b"/><path d="M50 72v12" stroke="c" stroke-width="1.6"/><path d="M57 12h4v24" fill="none" stroke="b" stroke-width="3"/></g>',
  ],
  [
    /pencil/i,
    '<g transform="rotate(38 50 50)"><rect x="44" y="14" width="12" height="50" fill="a"/><rect x="46" y="6" width="8" height="8" rx="2" fill="c"/><path d="M44 64h12l-5 16h-2z" fill="b"/><path d="M50 80v8" stroke="c" stroke-width="2"/><path d="M44 24h12M44 30h12" stroke="c" stroke-width="2" opacity=".6"/></g>',
  ],
  [
    /organiser/i,
    '<path d="M30 52V20l4-6 4 6v32" fill="b"/><path d="M46 52V26" stroke="c" stroke-width="5" stroke-linecap="round"/><rect x="62" y="22" width="18" height="34" rx="3" fill="c"/><rect x="64" y="26" width="14" height="24" fill="d"/><path d="M14 50h72v32a4 4 0 0 1-4 4H18a4 4 0 0 1-4-4z" fill="a"/><path d="M38 50v36M58 50v36" stroke="c" stroke-width="2.5" opacity=".6"/>',
  ],
  [
    /puzzle/i,
    '<path d="M18 20h28v9a7 7 0 1 1 0 13v8H18z" fill="a"/><path d="M50 20h32v30h-9a7 7 0 1 0-13 0H50v-8a7 7 0 1 0 0-13z" fill="b"/><path d="M18 54h8a7 7 0 1 0 13 0h7v28H18z" fill="c"/><path d="M50 54h10a7 7 0 1 1 13 0h9v28H50z" fill="d"/>',
  ],
  [
    /card game/i,
    '<g stroke="d" stroke-width="2"><rect x="24" y="24" width="36" height="54" rx="5" fill="b" transform="rotate(-16 42 51)"/><rect x="34" y="22" width="36" height="54" rx="5" fill="c" transform="rotate(-2 52 49)"/><rect x="44" y="24" width="36" height="54" rx="5" fill="a" transform="rotate(12 62 51)"/></g><path d="M64 40l7 11-9 10-7-11z" fill="d"/>',
  ],
];
