/** The passwords of eight or more characters that lead the published lists of leaked ones, in lower case. */
export const commonPasswords: ReadonlySet<string> = new Set(
  `password password1 password12 password123 password1234 password! password1! passw0rd p@ssw0rd p@ssword
  pa$$word passwort motdepasse contrasena 12345678 123456789 1234567890 0123456789 012345678 87654321
  987654321 9876543210 0987654321 12341234 11223344 1122334455 12344321 123123123 123456789a 123456abc
  1234abcd 12345qwert 1234qwer qwer1234 abcd1234 abcdefgh abcdefghi abc12345 abc123456 a1b2c3d4 a1234567
  a12345678 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 zaq12wsx qazwsxedc q1w2e3r4 q1w2e3r4t5 qwertyui qwertyuiop
  qwerty12 qwerty123 qwerty1234 qwertz123 asdfghjk asdfghjkl asdf1234 zxcvbnm1 zxcvbnm123 iloveyou iloveyou1
  sunshine sunshine1 princess princess1 football football1 baseball baseball1 basketball superman superman1
  batman123 starwars pokemon1 dragon123 monkey123 michelle jennifer jessica1 computer internet samsung1
  whatever trustno1 letmein1 letmein123 welcome1 welcome12 welcome123 admin123 admin1234 administrator
  changeme changeme1 changeme123 secret123 master123 liverpool chelsea1 charlie1 jordan23 michael1 ashley12
  corvette mercedes mustang1 midnight november december 19841984 20002000 20202020 access14 testtest
  test1234 test12345 login123 default1 guest123 root1234 google123 linkedin facebook1`.split(/\s+/),
);
