namespace Vitrine.Accelerators.Software.Irq;

/// <summary>Carries interrupt commands from one local APIC to the others.</summary>
internal interface IInterruptBus
{
    /// <summary>
    /// Gives a command to every local APIC but the sender that <see cref="LocalApic.IsDestination"/> says it is for,
    /// with <see cref="LocalApic.Post"/>. Called on the sender's thread.
    /// </summary>
    void Send(LocalApic sender, in InterruptCommand command);
}
