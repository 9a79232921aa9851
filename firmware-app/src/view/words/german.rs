//! German.

use super::Sentence;
use crate::device::Button;

pub(super) fn say(sentence: &Sentence) -> String {
    use Sentence::*;
    match sentence {
        Ready => "Bereit".into(),
        NoCamera => "Bereit, aber ohne Kamera".into(),
        CameraBusy => "Bereit, aber ein anderes Programm benutzt die Kamera".into(),
        NoMicrophone => "Bereit, aber ohne Mikrofon".into(),
        NoSpeaker => "Bereit, aber ohne Lautsprecher".into(),
        NoButtons => "Bereit, aber die Tasten sind nicht angeschlossen".into(),
        ButtonFaulty(button) => format!("Bereit, aber die {} geht nicht", name(button)),
        LookingForRelay => "Das Relay wird gesucht …".into(),
        Starting => "Die Besprechung wird gestartet …".into(),
        Rejoin(code) => format!("Zurück zu {}", code.spaced()),

        RelayGone { seconds } => format!("Das Relay antwortet nicht. Neuer Versuch in {seconds} s."),
        RelayNotFound { seconds } => {
            format!("In diesem Netz ist kein Relay zu finden. Neuer Versuch in {seconds} s.")
        }
        RelayOtherVersion => "Das Relay hat eine andere Version. Eines von beiden braucht ein Update.".into(),
        RelayChanged => {
            "Das ist nicht das Relay, dem dieser Raum vertraut. Die Haustechnik kann in den Einstellungen ein neues bestätigen."
                .into()
        }
        RelayRefused => "Das Relay weist diesen Raum ab. Bitte die Haustechnik rufen.".into(),
        RelayStopped { seconds } => format!("Das Relay wurde angehalten. Neuer Versuch in {seconds} s."),
        RelayReplaced => "Ein anderer Kiosk benutzt die Identität dieses Raums. Bitte die Haustechnik rufen.".into(),
        RelayStopping => "Das Relay hält gleich an. Die Besprechung geht weiter, sobald es wieder da ist.".into(),
        RedirectRefused => "Das Relay will diesen Raum zu einem Relay schicken, das niemand bestätigt hat.".into(),
        WrongCodes { count, minutes: 1 } => {
            format!("Jemand probiert Codes aus: {count} falsche in einer Minute.")
        }
        WrongCodes { count, minutes } => {
            format!("Jemand probiert Codes aus: {count} falsche in {minutes} Minuten.")
        }

        TypeCode => "Code der Besprechung eingeben".into(),
        NoSuchRoom { code, relay } if relay.is_empty() => {
            format!("Es gibt keine Besprechung mit dem Code {}.", code.spaced())
        }
        NoSuchRoom { code, relay } => {
            format!("Es gibt keine Besprechung mit dem Code {} beim Relay {relay}.", code.spaced())
        }
        TooManyAttempts => "Zu viele falsche Codes. Kurz warten, dann noch einmal versuchen.".into(),
        RoomLocked => "Die Besprechung ist gesperrt. Der Gastgeber kann sie öffnen.".into(),
        RoomFull => "Die Besprechung ist voll.".into(),
        Silenced => "Der Gastgeber hat diesen Raum in dieser Besprechung zweimal abgewiesen.".into(),
        NotNow => "Das hat nicht geklappt. Gleich noch einmal versuchen.".into(),
        RelayFull => "Das Relay hat keinen Platz für noch eine Besprechung.".into(),
        HostMissing => "Die Besprechung wartet auf ihren Gastgeber. Gleich noch einmal versuchen.".into(),
        NotStarted => "Die Besprechung konnte nicht gestartet werden. Gleich noch einmal versuchen.".into(),
        LostOnTheWay => "Die Verbindung zum Relay ist abgerissen. Noch einmal versuchen, wenn sie wieder da ist.".into(),
        KnockingAt(code) => format!("Anklopfen bei {} …", code.spaced()),
        WaitingFor { host } => format!("Warten auf {host}"),
        WaitingDetail => "Dort ist das Klopfen zu sehen und zu hören. Jemand muss diesen Raum einlassen.".into(),
        ReturningTo(code) => format!("Zurück zu {} …", code.spaced()),
        ReturningDetail => "Dieser Raum war in der Besprechung und kehrt von selbst zurück.".into(),
        Denied { host } => format!("{host} hat diesen Raum nicht eingelassen."),
        KnockTimedOut { host } => format!("Bei {host} hat niemand geantwortet."),
        EndedWhileWaiting => "Die Besprechung ist beendet.".into(),

        MeetingEnded => "Die Besprechung ist beendet.".into(),
        RemovedHere => "Der Gastgeber hat diesen Raum aus der Besprechung entfernt.".into(),
        NoWayBack => "Dieser Raum kann nicht in die Besprechung zurück. Bitte mit dem Code neu anklopfen.".into(),
        TooLate => "Die Besprechung war nicht mehr zu erreichen.".into(),
        LeftForSilence => "Niemand schien da zu sein, deshalb hat dieser Raum die Besprechung verlassen.".into(),
        Unapproved { room } => {
            format!(
                "Das Relay hat einen Raum ohne Zustimmung des Gastgebers eingelassen: {room}. Dieser Raum hat die Besprechung verlassen."
            )
        }
        FalseMeeting => "Die Besprechung ließ sich nicht prüfen. Dieser Raum ist nicht beigetreten.".into(),

        Alone(code) => format!("Andere treten mit dem Code {} bei", code.spaced()),
        Joined { room } => format!("{room} ist dabei."),
        Left { room } => format!("{room} ist gegangen."),
        RemovedByUs { room } => format!("Sie haben {room} entfernt."),
        Removed { room } => format!("{room} wurde vom Gastgeber entfernt."),
        HostIs { room } => format!("{room} ist jetzt Gastgeber."),
        HostHere => "Dieser Raum ist jetzt Gastgeber.".into(),
        Twins { name } => format!("Zwei Räume heißen {name}. Sie werden mit Nummern gezeigt."),
        MutedByHost { room } => format!("{room} hat diesen Raum stumm geschaltet. Nur hier lässt sich das aufheben."),
        CameraOff => "Kamera aus".into(),
        CameraMissing => "Keine Kamera".into(),
        CameraInUse => "Ein anderes Programm benutzt die Kamera".into(),
        CameraFailed => "Die Kamera ist nicht benutzbar".into(),
        Reconnecting => "Verbindet neu …".into(),
        YouPresent => "Sie zeigen Ihren Bildschirm".into(),
        Presents { room } => format!("{room} zeigt"),
        NothingPluggedIn => "Nichts angeschlossen".into(),
        NothingToPresent => "Es gibt nichts zu zeigen. Laptop an den HDMI-Adapter des Raums anschließen.".into(),
        PresentationLost => "Die Präsentation ist weg. Sie geht weiter, sobald der Adapter wieder steckt.".into(),
        PictureComing => "Das Bild kommt gleich …".into(),
        GateFault => "Das Mikrofon antwortet nicht. Bitte als eingeschaltet ansehen und die Haustechnik rufen.".into(),
        MicrophoneLost => "Es gibt kein Mikrofon. Die anderen hören diesen Raum nicht.".into(),
        ThisRoom => "Dieser Raum".into(),
        NetworkLogWritten { path } => format!("Die Netzwerte stehen in {path}."),
        NetworkLogFailed => "Die Netzwerte konnten nicht geschrieben werden.".into(),
        Recording => "Der Ton dieses Raums wird zur Fehlersuche aufgenommen.".into(),
        MicrophoneBack => "Das Mikrofon ist wieder da.".into(),
        SpeakerLost => "Es gibt keinen Lautsprecher. Dieser Raum hört die anderen nicht.".into(),
        ButtonsLost => "Es gibt keine Tasten. Bitte den Bildschirm benutzen.".into(),
        ButtonStuck(button) => {
            format!("Die {} klemmt: sie bleibt gedrückt. Bitte den Bildschirm benutzen und sie prüfen lassen.", name(button))
        }
        ButtonLoose(button) => format!(
            "Die {} hat einen Wackelkontakt und zählt erst, wenn sie ruht. Bitte den Bildschirm benutzen und sie prüfen lassen.",
            name(button)
        ),
        NeedsRelay => "Das Relay antwortet nicht, deshalb geht das jetzt nicht.".into(),
        KnockWasGone => "Dieser Raum wartet nicht mehr.".into(),
        HostFailed => "Das Relay hat das nicht ausgeführt.".into(),
        TooManyKnocks => "Es klopfen mehr Räume an, als sich zeigen lassen.".into(),

        WantsToJoin { room } => format!("{room} möchte beitreten"),
        PressGreen => "oder die grüne Taste drücken".into(),
        MoreWait { more: 1 } => "1 weiterer Raum wartet".into(),
        MoreWait { more } => format!("{more} weitere Räume warten"),
        SameName => "Ein Raum dieses Namens ist schon hier".into(),

        Everyone => "Alle".into(),
        MessageToEveryone => "Nachricht an alle".into(),
        MessageTo { room } => format!("Nachricht nur an {room}"),
        You => "Dieser Raum".into(),
        YouHost => "Dieser Raum, Gastgeber".into(),
        Host => "Gastgeber".into(),
        OnlyForYou => "nur für diesen Raum".into(),
        OnlyFor { room } => format!("nur für {room}"),
        FormerRoom => "Ein Raum, der gegangen ist".into(),
        SomeMissing => "Einige Nachrichten fehlen".into(),
        ChatEmpty => "Es gibt nichts zu senden.".into(),
        ChatTooLong => "Die Nachricht ist voll: höchstens 2.000 Zeichen.".into(),
        ChatWaiting => "Zu viele Nachrichten warten auf das Relay. Gleich noch einmal versuchen.".into(),
        ChatFailed => "Eine Nachricht konnte nicht gesendet werden.".into(),

        AskLeave => "Die Besprechung verlassen?".into(),
        AskEnd => "Die Besprechung für alle beenden?".into(),
        AskRemove { room } => format!("{room} aus der Besprechung entfernen?"),
        AskForget => "Dieses Relay vergessen?".into(),
        YesLeave => "Verlassen".into(),
        YesEnd => "Für alle beenden".into(),
        YesRemove => "Entfernen".into(),
        YesForget => "Vergessen".into(),
        No => "Abbrechen".into(),

        TypePin => "PIN eingeben".into(),
        WrongPin => "Das ist nicht die PIN.".into(),
        PinRests { seconds } => format!("Zu viele falsche PINs. Noch {seconds} s warten."),
        NameEmpty => "Der Raum braucht einen Namen.".into(),
        NameTooLong => "Der Name des Raums ist zu lang: höchstens 40 Zeichen.".into(),
        NameUnseen => "Der Name des Raums enthält Zeichen, die sich nicht zeigen lassen.".into(),
        NameTaken => "Der Raum hat einen neuen Namen.".into(),
        DeviceCamera => "Kamera".into(),
        DeviceMicrophone => "Mikrofon".into(),
        DeviceSpeaker => "Lautsprecher".into(),
        DeviceButtons => "Tasten und Lampen".into(),
        Working => "in Betrieb".into(),
        AtRest => "bereit".into(),
        NotInUse => "nicht in Gebrauch".into(),
        Unknown => "noch nicht bekannt".into(),
        NotThere => "nicht angeschlossen".into(),
        InUse => "von einem anderen Programm benutzt".into(),
        Unusable => "nicht benutzbar".into(),
        StaysDown(button) => format!("die {} klemmt: sie bleibt gedrückt", name(button)),
        IsLoose(button) => format!("die {} hat einen Wackelkontakt", name(button)),
        NoRelay => "kein Relay gewählt".into(),

        ChooseRelay => "Relay wählen".into(),
        CompareWords => "Die vier Wörter mit denen vergleichen, die das Relay beim Start zeigt.".into(),
        SearchingRelays => "Relays werden gesucht …".into(),
        NoRelaysFound => "Noch keines gefunden. Läuft ein Relay in diesem Netz?".into(),
    }
}

fn name(button: &Button) -> &'static str {
    match button {
        Button::Mute => "Stumm-Taste",
        Button::Approve => "grüne Taste",
    }
}
