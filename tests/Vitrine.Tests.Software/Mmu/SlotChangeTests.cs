using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Slots that come and go while the guest runs, at its order by a port, as with a chipset's shadow RAM: only what led to them is forgotten.</summary>
public abstract class SlotChangeTests(MmuMode mmu, SoftwareEngine engine)
{
    public sealed class ShadowInterpreted() : SlotChangeTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class ShadowTranslated() : SlotChangeTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TwoDimensionalInterpreted() : SlotChangeTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class TwoDimensionalTranslated() : SlotChangeTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);

    private const byte Port = 0x80;
    private const ulong Shadowed = 0xC_0000;
    private const ulong Rom = 0x2000_0000;
    private const uint Size = 0x4000;

    /// <summary>
    /// The guest toggles a range between a ROM's view and RAM 100 times. Each time it writes the number of the round, which RAM takes and ROM doesn't, and adds up what
    /// it reads: 0x55 from ROM.
    /// </summary>
    [Fact]
    public void ARangeThatIsToggledLeavesOtherCodeAlone()
    {
        const int Rounds = 100;
        using M m = Machine(out MemoryRegion view);
        ulong[] before = [];
        ulong[] after = [];
        int round = 0;
        m.OnAccess = () =>
        {
            if (m.Accesses[^1].StartsWith('w')) return;

            // Once around first: what runs is decoded by then.
            after = Counts(m);
            if (round == 4) before = after;
            if ((round++ & 1) == 0) Assert.True(view.TryMap());
            else view.Unmap();
        };
        m.Map(Shadowed, Shadowed, M.P | M.W);
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            a.mov(ebx, (uint)Shadowed);
            a.mov(ebp, Rounds);
            a.xor(esi, esi);
            a.Label(ref next);
            a.@out(Port, al);
            a.mov(__dword_ptr[rbx], ebp);
            a.add(esi, __dword_ptr[rbx]);
            a.dec(ebp);
            a.jnz(next);
        }));

        // Of the numbers 100 to 1 every second goes to RAM.
        ulong expected = (Rounds / 2 * 0x55UL) + (ulong)Enumerable.Range(1, Rounds).Where(static i => i % 2 == 1).Sum();
        Assert.Equal(expected, m[Gpr.Rsi]);
        Assert.Equal(before, after);
    }

    /// <summary>Code in the range is that of the memory which shows; what either side was decoded into is found again.</summary>
    [Fact]
    public void CodeInTheRangeIsThatOfTheMemoryThatShows()
    {
        using M m = Machine(out MemoryRegion view);
        byte[] function = [0xB8, 1, 0, 0, 0, 0xC3];
        Assert.True(m.Memory.TryWrite(new Gpa(Shadowed), function));
        function[1] = 2;
        Assert.True(m.Memory.TryWrite(new Gpa(Rom), function));
        bool shows = false;
        m.OnAccess = () =>
        {
            if (shows) view.Unmap();
            else Assert.True(view.TryMap());
            shows = !shows;
        };
        m.Map(Shadowed, Shadowed, M.P | M.W);
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label again = a.CreateLabel();
            a.mov(ebp, 20);
            a.xor(esi, esi);
            a.Label(ref next);
            a.mov(ecx, 10);
            a.Label(ref again);
            a.call(Shadowed);
            a.add(esi, eax);
            a.dec(ecx);
            a.jnz(again);
            a.@out(Port, al);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(20UL * 10 * 3 / 2, m[Gpr.Rsi]);
    }

    /// <summary>Page tables in memory that goes are tables no more; after the guest's flush the walk finds what is there now.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PageTablesInTheRangeAreThoseOfTheMemoryThatShows(bool loadsCr3)
    {
        const ulong Page = 0x4000_0000;
        const ulong First = 0x20_0000;
        const ulong Second = 0x20_1000;
        using M m = Machine(out MemoryRegion view);
        m.Map(Page, First, M.P);
        m.Store(First, 1, 4);
        m.Store(Second, 2, 4);

        // The last table is in RAM in the range; the ROM has one in its place that leads elsewhere.
        m.Store(Shadowed, First | M.P | M.A, 8);
        m.Store(Rom, Second | M.P | M.A, 8);
        m.Store(m.Entry(Page, 21), Shadowed | M.P | M.A, 8);

        // Once around first: the slots of RAM are cut by then, and the one with the page stays.
        Assert.True(view.TryMap());
        view.Unmap();
        m.OnAccess = () => Assert.True(view.TryMap());
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(esi, __dword_ptr[rbx]);
            a.@out(Port, al);
            if (loadsCr3)
            {
                a.mov(rax, cr3);
                a.mov(cr3, rax);
            }
            else
            {
                a.invlpg(__byte_ptr[rbx]);
            }

            a.mov(edi, __dword_ptr[rbx]);
        }));
        Assert.Equal((1UL, 2UL), (m[Gpr.Rsi], m[Gpr.Rdi]));
    }

    /// <summary>Memory that is given back, and other memory that the host maps at the same place: nothing of the old is used for the new.</summary>
    [Fact]
    public void NewMemoryInThePlaceOfOld()
    {
        const ulong Bar = 0x3000_0000;
        using M m = Machine(out _);
        MemoryRegion? region = null;
        byte number = 0;
        m.OnAccess = () =>
        {
            if (region is not null) m.Memory.Remove(region);
            region = m.Memory.AddRegion("bar", new Gpa(Bar), 0x20_0000);
            Assert.True(m.Memory.TryWrite(new Gpa(Bar), [0xB8, ++number, 0, 0, 0, 0xC3]));
        };
        m.Map(Bar, Bar, M.P | M.W);
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            a.mov(ebp, 20);
            a.xor(esi, esi);
            a.Label(ref next);
            a.@out(Port, al);
            a.call(Bar);
            a.add(esi, eax);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(20UL * 21 / 2, m[Gpr.Rsi]);
    }

    /// <summary>
    /// Memory that nobody has written takes the place of code, perhaps at the same host address: it holds zeros, which are ADD [RAX], AL, up to a return on the page
    /// behind it.
    /// </summary>
    [Fact]
    public void CodeOfMemoryThatWentIsGone()
    {
        const ulong Bar = 0x3000_0000;
        const ulong Scratch = Shadowed + 0x800;
        using M m = Machine(out _);
        MemoryRegion region = m.Memory.AddRegion("bar", new Gpa(Bar), 0x1000);
        Assert.True(m.Memory.TryWrite(new Gpa(Bar), [0xB8, 1, 0, 0, 0, 0xC3]));
        m.Store(Shadowed, 0xC3, 1);
        m.OnAccess = () =>
        {
            m.Memory.Remove(region);
            region = m.Memory.AddRegion("bar", new Gpa(Bar), 0x1000);
        };
        m.Map(Bar, Bar, M.P | M.W);
        m.Map(Bar + 0x1000, Shadowed, M.P | M.W);
        m.Map(Shadowed, Shadowed, M.P | M.W);
        Assert.Equal("ok", m.Run(a =>
        {
            a.call(Bar);
            a.mov(esi, eax);
            a.@out(Port, al);
            a.mov(eax, (uint)Scratch);
            a.call(Bar);
            a.mov(edi, eax);
        }));
        Assert.Equal((1UL, Scratch), (m[Gpr.Rsi], m[Gpr.Rdi]));
    }

    /// <summary>A window that moves: device accesses leave where memory was, and memory is where they left before.</summary>
    [Fact]
    public void AWindowThatMoves()
    {
        const ulong First = 0x3000_0000;
        const ulong Second = 0x3000_2000;
        using M m = Machine(out _);
        MemoryRegion window = m.Memory.AddRegion("window", new Gpa(First), 0x1000);
        m.Memory.TryWrite(new Gpa(First), [0x77]);
        m.Answer = static (_, _) => 0x11;
        m.OnAccess = () =>
        {
            if (m.Accesses[^1].StartsWith('o')) Assert.True(window.TryMove(new Gpa(Second)));
        };
        m.Map(First, First, M.P | M.W);
        m.Map(Second, Second, M.P | M.W);
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)First);
            a.movzx(eax, __byte_ptr[rbx]);
            a.movzx(ecx, __byte_ptr[rbx + 0x2000]);
            a.@out(Port, al);
            a.movzx(edx, __byte_ptr[rbx]);
            a.movzx(esi, __byte_ptr[rbx + 0x2000]);
        }));
        Assert.Equal((0x77UL, 0x11UL, 0x11UL, 0x77UL), (m[Gpr.Rax], m[Gpr.Rcx], m[Gpr.Rdx], m[Gpr.Rsi]));
    }

    private static ulong[] Counts(M m) =>
        [m.Vcpu.Blocks.Flushes, m.Vcpu.Blocks.Decoded, m.Vcpu.TranslatorEngine?.Translations.Translated ?? 0];

    // RAM from 0; a ROM of four pages at its own place and, unmapped, as a view over RAM.
    private M Machine(out MemoryRegion view)
    {
        M m = new(mmu: mmu, engine: engine);
        m.Memory.Observe(m.Accelerator);
        MemorySlot rom = m.Memory.Add("rom", new Gpa(Rom), Size, MemorySlotFlags.ReadOnly);
        Assert.True(m.Memory.TryWrite(new Gpa(Rom), [0x55]));
        view = m.Memory.AddView("view", new Gpa(Shadowed), Size, rom, 0, MemorySlotFlags.ReadOnly, priority: 1, mapped: false);
        return m;
    }
}
