using Vitrine.Boot;

namespace Vitrine.Guests;

/// <summary>Every guest that ends by itself, in every mode it exists for.</summary>
public static class GuestCatalog
{
    private static readonly FlatMode[] Modes = [FlatMode.Real, FlatMode.Protected, FlatMode.Long];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GuestProgram> All { get; } =
    [
        .. Modes.Select(static mode => OutputGuests.Hello(mode)),
        .. Modes.Select(OutputGuests.StringIo),
        .. Modes.Select(BusGuests.UnclaimedPort),
        BusGuests.UnclaimedMemory(FlatMode.Protected),
        BusGuests.UnclaimedMemory(FlatMode.Long),
        .. Modes.Select(InterruptGuests.CountTicks),
        .. Modes.Select(InterruptGuests.HaltUntilTick),
        PagingGuests.Faults32(),
        PagingGuests.Faults64(),
        TableRewriteGuests.Rewrite(),
        TableRewriteGuests.RewriteWithPcids(),
        PrivilegeGuests.SystemCalls(),
        PrivilegeGuests.FaultInRing3(),
        ModeGuests.RoundTrip(),
        .. Modes.Select(PowerGuests.PowerOff),
        .. Modes.Select(PowerGuests.ResetByResetRegister),
        .. Modes.Select(PowerGuests.ResetByKeyboardController),
        .. Modes.Select(PowerGuests.TripleFault),
    ];
}
