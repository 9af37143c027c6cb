"""The names of secrets: words that make a key sensitive if they are its last.

Names are separated by spaces, and a name of several words is written as one: ``api_key`` is
``apikey``. Names are folded like the keys, so accents and letter case do not matter.
"""

from typing import Final

ORIGINAL_KEYS: Final = "password secret passwd authorization api_key apikey access_token token"
"""The eight keys that the original Sqreen masked."""

KIN: Final = """\
serverkey deploykey licensekey redisauth passwords passphrase passcode passwrd pw pwd pswd psw
secrets credential credentials creds cred authorisation authorizationheader authorizationtoken
apikeys accesstokens refreshtokens apitokens authtokens sessiontokens jwt bearer cookie csrf xsrf
phpsessid jsessionid otp totp cvv cvc cardpin atmpin userpin passwordhash passworddigest
passwordsalt hashedpassword totpseed otpseed seedphrase recoveryphrase mnemonicphrase bindpw
requirepass masterauth privatekey secretkey signingkey encryptionkey decryptionkey accesskey
secretaccesskey masterkey authkey sshkey accountkey sharedkey sharedaccesskey sessionkey hmackey
jwtkey cryptokey cipherkey servicekey subscriptionkey writekey adminkey rootkey clientkeydata
secretkeybase appkey privatepem sshprivatekey xauth basicauth httpauth proxyauth userauth
xamzsignature xgoogsignature userpass dbpass databasepass loginpass adminpass smtppass ftppass
mysqlpass pgpass postgrespass redispass rootpass emailpass mailpass proxypass authpass mypass
httppass ldappass wifipass accountpass imappass sshpass sqlpass rabbitmqpass mongopass amqppass
webpass apppass bindpass keystorepass storepass keypass becomepass sudopass oraclepass apipass
clientpass serverpass brokerpass mqttpass rpcpass sippass vpnpass certpass jdbcpass
truststorepass
"""
"""Close kin of the original keys, in English."""

CODES: Final = """\
otpcode totpcode hotp mfacode 2facode tfa tfacode twofactorcode twofacode twostepcode
authenticatorcode onetimecode onetimepin onetimepasscode smscode smsotp emailotp emailcode
verificationcode verifycode activationcode logincode signincode authcode accesscode resetcode
unlockcode securitycode recoverycode recoverycodes backupcode backupcodes scratchcode magiccode
devicecode usercode magiclink authpin loginpin accountpin transactionpin paymentpin mpin upipin
sessionid sessionids sessionuuid sessionguid sessid sessionidentifier connectsid expresssid
laravelsession djangosession railssession samlresponse samlpresponse samlrequest samlassertion
samlart clientassertion codeverifier pkceverifier authorizationcode oauthcode oauthstate
oauthverifier consumerkey idtokenhint devicesecret wresult oauthsignature xamzcredential
xhubsignature xslacksignature stripesignature urlsignature webhooksignature requestsignature
hmacsignature zapikey mothersmaidenname mothermaidenname mothersmaiden mothermaiden maidenname
memorableword answertosecurityquestion answertosecretquestion respuestasecreta reponsesecrete
respostasecreta rispostasegreta geheimeantwort sicherheitsantwort
"""
"""Sessions, one-time codes, SAML and OAuth material, signatures, secret answers."""

BEFORE_CODES: Final = """\
otp totp mfa tfa 2fa twofactor twofa twostep authenticator onetime sms email verification verify
activation login signin auth access reset unlock security recovery backup scratch magic device
"""
"""Words that make a code or a PIN secret: ``login_code``, ``reset_pin``."""

BEFORE_KEYS: Final = """\
api private secret signing encryption decryption access secretaccess master auth ssh account
shared sharedaccess session hmac jwt crypto cipher service subscription write admin root server
deploy license aes des rsa dsa ecdsa ed pgp gpg ssl tls symmetric webhook stripe aws gcp azure
openai anthropic github gitlab slack sendgrid twilio mailgun firebase fcm
"""
"""Words that make a key secret: ``signing_key``."""

ANSWERS: Final = "secret security sec recovery challenge memorable kba password hint"
"""Words that make an answer secret: ``security_answer``, ``secret_question_answer``."""

PERSON_IDS: Final = """\
aadhaarid aadharid nricfin steuerident numeroidentificacion identificacionfiscal seguridadsocial
身份證字號 ssn socialsecurity socialinsurance nationalid nationalidentity nationalidentification
nationalidentifier nationalinsurance nino citizenid governmentid govid personalid
personalidentity personalidentitycode personalidentification taxid taxpayerid voterid residentid
itin idcard identitycard driverlicense driverslicense driverlicence driverslicence drivinglicence
drivinglicense steuerid steueridentifikations sozialversicherungs rentenversicherungs
personalausweis passnummer personnummer personnumber pancard aadhaarcard aadharcard svnr
steueridnr sozialversicherungsnr rentenversicherungsnr codicefiscale codfiscale securitesociale
numsecu numerosecu dni nif cpf cnh curp cedula cuil ciudadania documentoidentidad
documentodeidentidad bsn burgerservice rijksregister personnr fodselsnr fødselsnr fodsels fødsels
cpr cprnr kennitala hetu henkilotunnus isikukood asmenskodas personaskods rodnecislo cisloop
pesel egn emso oib jmbg cnp amka tajszam aadhaar aadhar emiratesid iqama nationalcode kodemelli
tckimlik tckn nric hkid mykad ktp nik cmnd cccd snils mynumber паспорт номерпаспорта снилс инн
αφμ αμκα αριθμόςταυτότητας 身份证 身份证号 身份证号码 身分證字號 身份證號碼 证件号 证件号码
护照号 护照号码 護照號碼 マイナンバー 個人番号 在留カード番号 パスポート番号 免許証番号
주민등록번호 주민번호 여권번호 외국인등록번호 운전면허번호 کدملی شمارهملی الرقمالقومي رقمالهوية
رقمالجواز رقمالإقامة תעודתזהות מספרזהות आधार เลขบัตรประชาชน เลขประจำตัวประชาชน
"""
"""Ids that a state gives to a person, alone or before a word for number."""

NUMBERED: Final = """\
taxfile tax taxpayer passport identity citizen residentregistration voter steuer ausweis
reisepass svn identifikations pan nie rg tin sin nhs medicare medicaid healthinsurance social
license licence kimlik tckimlik
"""
"""Words that are such an id only before a word for number: ``passport_number``."""

NUMBERS: Final = (
    "number no num nr nummer numero idnumber idno identificationnumber cardnumber cardno"
)
"""The words for number."""

AMBIGUOUS: Final = "session sess sid sig signature hmac code ticket assertion saml"
"""Words that are sensitive only before a random value, such as ``session=8f14e45fceea167a``."""

WHOLE_KEYS: Final = "auth pass pin clave nie tin nir nss rut idnumber 2fa κωδικός رمز"
"""Words too common to make a longer key sensitive, such as ``boarding_pass`` or ``clave_sat``."""

WORLD: Final = """\
passwoerter kennwort zugangspasswort motdepasse mdp contraseña contrasenya contrasinal
contrasenia clavesecreta clavedeacceso claveacceso claveusuario palabradepaso senha palavrapasse
palavradepasse parola paroladordine parolachiave chiavesegreta wachtwoord wagwoord lösenord
passord adgangskode kodeord salasana tunnussana lykilorð lykilord hasło haslo heslo jelszó parolă
lozinka zaporka geslo şifre şifrem şifreniz parolan\u0131z şifrə salasõna parool slaptažodis
fjalëkalim fjalëkalimi pasahitza pasvorto cyfrinair pasfhocal nenosiri nenolasiri katasandi sandi
katalaluan mậtkhẩu kodikos kodikosprosvasis κωδικόςπρόσβασης συνθηματικό пароль пароля парола
hesla hasła пассворд лозинка құпиясөз parol нууцүг סיסמה סיסמא ססמה ססמא كلمةالمرور كلمةالسر
كلمهالمرور كلمهالسر الرقمالسري رمزعبور رمزعبورجدید گذرواژه کلمهعبور کلمهٔعبور پاسورڈ पासवर्ड
कूटशब्द পাসওয়ার্ড கடவுச்சொல் పాస్వర్డ్ પાસવર્ડ ಪಾಸ್ವರ್ಡ್ പാസ്വേഡ് ਪਾਸਵਰਡ මුරපදය รหัสผ่าน
ລະຫັດຜ່ານ ពាក្យសម្ងាត់ စကားဝှက် პაროლი գաղտնաբառ የይለፍቃል 密码 密碼 口令 通行码 パスワード
パスコード 暗証番号 비밀번호 암호 패스워드
"""
"""The words for password in the larger languages of the world."""

HARMLESS: Final = """\
nexttoken pagetoken pagingtoken paginationtoken prevtoken canceltoken cancellationtoken
continuationtoken continuetoken synctoken deltatoken scrolltoken skiptoken cursortoken
positiontoken offsettoken starttoken endtoken resumetoken stoptoken eostoken bostoken padtoken
unktoken septoken clstoken masktoken specialtoken hastoken hassecret haspassword ispassword
istoken bartoken designtoken fungibletoken erctoken
"""
"""Names that end like a secret but are none, such as page tokens and counts of tokens."""

COMPOUNDS: Final = """\
身份证 身份證 身分證 sessionid password passwd passwort kennwort passphrase passcode apikey
secretkey privatekey accesskey accesstoken authtoken token secret motdepasse contraseña senha
wachtwoord lösenord passord salasana adgangskode пароль 密码 密碼 パスワード 비밀번호 รหัสผ่าน
"""
"""Names that also count at the end of a longer word: ``dbpassword``, ``新密码``."""

QUALIFIERS: Final = """\
xml one two three antiga antigo velha oud oude yeni eski فعلی ancienne nouvelle alte neuen nuovo
vecchio vieja gammelt gammel vanha obecne aktualne stary novo hash enc encrypted encoded pem
usuario usuário cliente utilisateur utente benutzer kullan\u0131c\u0131 пользователя користувача
znovu ulang ещё еще раз нова нове noua nouă veche potwierdz ponownie stare potvrdit baharu
επιβεβαίωση νέα ยืนยัน confirm confirmation value values repeat repeated again new old current
verify verification retype retyped reenter previous plain plaintext raw cleartext wiederholen
wiederholung wiederholt bestätigen bestaetigen bestätigung bestaetigung neu neues altes confirmer
nouveau ancien actuel confirmar confirmación confirmacao confirmação nueva actual repetir
anterior nova atual conferma nuova vecchia ripeti attuale bevestigen bevestiging nieuw herhalen
tekrar tekrari baru lama mới cũ повтор повторно подтверждение новый старый الجديدة القديمة جديدة
جديد חדשה ישנה ใหม่ เดิม νέος νέο vahvistus uusi gjenta bekreft upprepa bekräfta nytt powtórz
nowe nové nuevo antigua repetida नया नई 确认 確認 確認用 新 旧 再入力 확인
"""
"""Words that don't change the meaning of a key, such as ``new`` and ``confirm``."""
