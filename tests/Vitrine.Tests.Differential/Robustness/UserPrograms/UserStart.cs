using Vitrine.Tests.Differential;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>Registers that a user program starts with: mostly pointers to something, and floating point of every kind.</summary>
internal static class UserStart
{
    /// <summary>Makes them, but for RIP.</summary>
    public static void Create(CaseRandom random, ref MachineImage image, bool is64)
    {
        for (int i = 0; i < 16; i++)
        {
            ulong value = random.Below(4) switch { 0 => random.Integer(), 1 => (ulong)random.Below(0x40), _ => Pointer(random) };
            if (i is Gpr.Rbx or Gpr.Rbp or Gpr.Rsi or Gpr.Rdi or 11 or >= 13 && !random.OneIn(16)) value = Pointer(random);
            image.SetGeneral(i, is64 ? value : (uint)value);
        }

        image.SetGeneral(Gpr.Rsp, random.OneIn(32) ? Pointer(random) : UserMachine.Data + 0x1000 + ((ulong)random.Below(0x400) * 8));
        image.CodeSelector = is64 ? OracleLayout.Code64 : OracleLayout.Code32;
        image.StackSelector = OracleLayout.Stack;
        image.Rflags = 0x202 | (random.Next() & 0x8D5) | (random.OneIn(8) ? Rflags.DF : 0) | (random.OneIn(8) ? Rflags.AC : 0) | (random.OneIn(64) ? Rflags.TF : 0);
        image.Mxcsr = random.OneIn(4) ? (uint)random.Next() & 0xFFFF : 0x1F80;
        image.ControlWord = (ushort)(random.OneIn(4) ? (random.Next() & 0xF3F) | 0x40 : 0x37F);
        image.StatusWord = (ushort)(random.Next() & 0x7F00);
        image.Tag = (byte)random.Next();
        for (int i = 0; i < 8; i++)
        {
            (ulong significand, ushort signExponent) = random.Extended();
            image.SetSt(i, significand, signExponent);
        }

        for (int i = 0; i < 16; i++) image.SetXmm(i, new UInt128(random.Lanes(), random.Lanes()));
    }

    private static ulong Pointer(CaseRandom random) => random.Below(16) switch
    {
        0 => UserMachine.Code + (ulong)random.Below(UserMachine.CodeSize),
        1 => (random.OneIn(2) ? UserMachine.CodeAlias : UserMachine.CodeView) + (ulong)random.Below(UserMachine.CodeSize),
        2 => UserMachine.ReadOnly + (ulong)random.Below(0x1000),
        3 => UserMachine.Data + ((ulong)random.Below(6) << 12) - (ulong)random.Below(16),
        _ => UserMachine.Data + ((ulong)random.Below(UserMachine.DataSize) & (random.OneIn(2) ? ~15UL : ~0UL)),
    };
}
