using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on the injected event (SDM vol. 3, 26.2.1.3 "VM-Entry Control Fields").</summary>
internal static class VmxEventRules
{
    private const string Section = "26.2.1.3";
    private const string FromUserSpace = "User space put an event that can't be (KVM_SET_VCPU_EVENTS), or a nested hypervisor did.";

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All =>
    [
        Rule("control.event.type", [EntryEvent],
            "The event's type isn't 1, which is reserved.", FromUserSpace,
            v => v.EventType != InjectedEvent.Reserved),
        Rule("control.event.vector", [EntryEvent],
            "An NMI has vector 2, a hardware exception a vector up to 31, an event of type 7 vector 0.", FromUserSpace,
            v => v.EventType switch
            {
                InjectedEvent.Nmi => v.EventVector == 2,
                InjectedEvent.HardwareException => v.EventVector <= 31,
                InjectedEvent.Other => v.EventVector == 0,
                _ => true,
            }),
        Rule("control.event.deliver-error-code", [EntryEvent, GuestCr0, PrimaryControls, SecondaryControls],
            "An error code is delivered exactly with hardware exceptions 8, 10 to 14 and 17, and not to a guest in real mode.",
            "An exception was queued with its error code forgotten, or with one while the guest is in real mode.",
            v =>
            {
                bool wanted = (!v.Unrestricted || v.ProtectedMode) && v.EventType == InjectedEvent.HardwareException && InjectedEvent.HasErrorCode(v.EventVector);
                return wanted == ((v[EntryEvent] & InjectedEvent.DeliverErrorCode) != 0);
            }),
        Rule("control.event.reserved", [EntryEvent],
            "Bits 30:12 of the interruption information are zero.", "The field was built from the exit's interruption information with bit 12 still set.",
            v => (v[EntryEvent] & 0x7FFF_F000) == 0),
        new VmxRule(EntryRefusal.VmxControls, "control.event.error-code", Section, [EntryErrorCode, EntryEvent],
            "Bits 31:16 of the error code are zero.", FromUserSpace,
            v => v[EntryErrorCode] <= 0xFFFF, v => v.Injects && (v[EntryEvent] & InjectedEvent.DeliverErrorCode) != 0),
        new VmxRule(EntryRefusal.VmxControls, "control.event.length", Section, [EntryInstructionLength, EntryEvent],
            "An injected software interrupt or exception has an instruction length of 1 to 15.",
            "The event was restored without the length of its instruction (after a migration).",
            v => v[EntryInstructionLength] is >= 1 and <= 15,
            v => v.Injects && v.EventType is >= InjectedEvent.SoftwareInterrupt and <= InjectedEvent.SoftwareException),
    ];

    private static VmxRule Rule(string id, ReadOnlySpan<VmcsField> fields, string text, string cause, Func<VmxView, bool> holds) =>
        new(EntryRefusal.VmxControls, id, Section, fields, text, cause, holds, v => v.Injects);
}
