using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>A guest that executes some accesses twenty times: in the last round where one of them may not be like the others.</summary>
internal static class SharedCheckGuest
{
    /// <summary>Two pages in a row, and three elsewhere; each is at the same place in memory.</summary>
    public const ulong First = 0x30_0000;

    /// <inheritdoc cref="First"/>
    public const ulong Second = First + 0x1000;

    /// <inheritdoc cref="First"/>
    public const ulong Elsewhere = 0x38_0000;

    /// <summary>What RBX is in all rounds but the last.</summary>
    public const ulong Usual = Elsewhere + 0x2000;

    /// <summary>What RAX is.</summary>
    public const ulong Pattern = 0x1122_3344_5566_7788;

    /// <summary>A machine in which these pages may be read and written.</summary>
    public static M Machine(SoftwareEngine engine)
    {
        M m = new(engine: engine);
        foreach (ulong page in (ReadOnlySpan<ulong>)[First, Second, Elsewhere, Elsewhere + 0x1000, Elsewhere + 0x2000])
            m.Map(page, page, M.P | M.W | M.A | M.D);
        m.State.Cr0 |= Cr0.WP;
        return m;
    }

    /// <summary>Runs the rounds. They may not use R8 and R14; R14 counts down to 1 in the last.</summary>
    /// <param name="m">The machine.</param>
    /// <param name="accesses">What is done in each.</param>
    /// <param name="last">What RBX is in the last.</param>
    public static RunResult Twenty(M m, Action<Assembler> accesses, ulong last) => m.Run(a =>
    {
        Label loop = a.CreateLabel();
        a.mov(rax, Pattern);
        a.mov(r14d, 20);
        a.Label(ref loop);
        a.cmp(r14d, 1);
        a.mov(rbx, Usual);
        a.mov(r8, last);
        a.cmove(rbx, r8);
        accesses(a);
        a.dec(r14d);
        a.jnz(loop);
    });
}
