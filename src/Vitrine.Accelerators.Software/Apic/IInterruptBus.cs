namespace Vitrine.Accelerators.Software.Apic;

/// <summary>Carries interrupt commands from one local APIC to the others.</summary>
internal interface IInterruptBus
{
    /// <summary>
    /// Gives a command to every local APIC but the sender that <see cref="LocalApic.IsDestination"/> says it is for,
    /// with <see cref="LocalApic.Post"/>. Called on the sender's thread.
    /// </summary>
    void Send(LocalApic sender, in InterruptCommand command);

    /// <summary>
    /// Chooses who takes a command in lowest-priority mode (SDM vol. 3, 11.6.2.4 "Lowest Priority Delivery Mode"): of the processors that
    /// it is for one with the lowest task priority.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="except">Who does not take part; null for nobody.</param>
    /// <returns>Null when it is for nobody who accepts vectors.</returns>
    LocalApic? Arbitrate(in InterruptCommand command, LocalApic? except);
}
