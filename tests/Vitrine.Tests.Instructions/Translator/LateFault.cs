using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Instructions that run well many times and then fault at the same place: by then they are translated, and the fault must be the guest's, with
/// RIP, RSP and everything else as before the instruction.
/// </summary>
internal static class LateFault
{
    /// <summary>
    /// Runs an instruction twenty times with good operands and once with others. RDI has its address, RSI the address of what follows it; RBP counts.
    /// </summary>
    public static RunResult Run(M m, Action<Assembler> instruction, Action<Assembler> good, Action<Assembler> last) => m.Run(a =>
    {
        Label loop = a.CreateLabel();
        Label odd = a.CreateLabel();
        Label go = a.CreateLabel();
        Label behind = a.CreateLabel();
        a.mov(r14d, 21);
        a.Label(ref loop);
        a.lea(rdi, __qword_ptr[go]);
        a.lea(rsi, __qword_ptr[behind]);
        a.cmp(r14d, 1);
        a.je(odd);
        good(a);
        a.jmp(go);
        a.Label(ref odd);
        last(a);
        a.Label(ref go);
        instruction(a);
        a.Label(ref behind);
        a.dec(r14d);
        a.jnz(loop);
    });
}
